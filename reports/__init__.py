"""Reports: a finished run folder becomes one honest, self-contained page with its pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports import tables
from reports.answer import verdict
from reports.tables import ReportError, read

__all__ = ["ReportError", "read", "verdict", "write"]


def write(runs: Sequence[Path | str], page: Path | str | None = None) -> Path:
    """Write the page of a run, its pictures (RUN/figures) and its tables as CSV (RUN/csv).

    runs: one finished run folder. page: where the page goes, by default RUN/report.html. Gives the page's
    path. Raises ReportError for a folder that is no finished, readable run.
    """
    if not runs:
        raise ReportError("No run folder is named.", "Name one: python -m reports runs/default")
    if len(runs) > 1:
        raise ReportError(
            f"{len(runs)} run folders are named, and a page shows one.",
            f"Make one page for each: python -m reports {runs[0]}",
        )
    from reports.page import make  # the drawing libraries take a second to import

    run = read(runs[0])
    page = Path(page) if page is not None else run.path / "report.html"
    made = make(run, beside=page.parent.resolve() == run.path.resolve())
    try:
        _save(run.path / "figures", "png", made.pictures)
        _save(run.path / "csv", "csv", {name: tables.csv(frame) for name, frame in run.tables.items()})
        _replace(page, made.page)
    except OSError as error:
        raise ReportError(
            f"{error.filename or page} cannot be written ({error.strerror}).",
            "Make that place writable, or name another page with -o.",
        ) from error
    return page


def _save(folder: Path, ending: str, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _replace(folder / f"{name}.{ending}", content)


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
