"""The files beside a page, and what they are called."""

from __future__ import annotations

from pathlib import Path

from reports.data.run import Run
from reports.exports.citation import citation
from reports.exports.latex import table
from reports.exports.methods import methods
from reports.exports.results import results
from reports.exports.summary import summary

FILES = {
    "summary.md": summary,
    "results.json": results,
    "table.tex": table,
    "citation.bib": citation,
    "methods.txt": methods,
}


def beside(run: Run, page: Path) -> dict[str, bytes]:
    """The files of the page's first run, by name."""
    return {f"{prefix(run, page)}{name}": make(run) for name, make in FILES.items()}


def names(run: Run, page: Path) -> list[str]:
    """What they are called, before they are made."""
    return [f"{prefix(run, page)}{name}" for name in FILES]


def prefix(run: Run, page: Path) -> str:
    """What stands before their names: nothing for RUN/report.html and for runs/report.html.

    Any other page's files begin as its own name does, so that no two pages share them, and none of
    somebody else's folder is overwritten.
    """
    own = run.path.resolve()
    above = own.parent if own.parent.name == "runs" else own
    usual = page.name == "report.html" and page.parent.resolve() in (own, above)
    return "" if usual else f"{page.stem}-"
