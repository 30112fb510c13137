"""The files of a report: the page with what stands beside it, and of each run its pictures and tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote

from reports.data.run import ReportError, Run, csv, read
from studies.system import files

OWN = ("csv", "figures")  # folders in a run's folder that belong to reports


def write(runs: Sequence[Run | Path | str], page: Path | str | None = None) -> Path:
    """Write the page of runs, and each run's pictures (RUN/figures) and tables as CSV (RUN/csv).

    Beside the page go summary.md, results.json, table.tex, citation.bib and methods.txt of the first run,
    with the page's own name before theirs unless it is RUN/report.html or report.html beside RUN. Where
    the first run lies in a folder called runs, index.html there lists all of them.

    Those of a run that cannot be written to, such as another user's, go beside the page, into
    PAGE-files/RUN. runs: finished run folders, or what `read` gave for them; the first one is shown in
    full, of each further one what its study is made for; one that asked the chapter's claims gets a page of
    its own, to which the first one's leads. page: where the page goes, by default report.html in the first
    run's folder. Gives the page's path. Raises ReportError for a folder that is no finished, readable run.
    """
    if not runs:
        raise ReportError("No run folder is named.", "Name one: python -m reports runs/default")
    found = [one if isinstance(one, Run) else read(one) for one in runs]
    if len({run.path.resolve() for run in found}) < len(found):
        raise ReportError("A run folder is named twice.", "Name each run folder once.")
    page = Path(page) if page is not None else found[0].path / "report.html"
    if not page.name or (page.exists() and not page.is_file()):
        raise ReportError(f"The page cannot be {str(page)!r}: that is no file.", "Name a file with -o.")
    if not page.parent.is_dir():
        raise ReportError(f"There is no folder {page.parent} for the page.", "Make it, or name another one.")
    if not _writable(page.parent):
        raise ReportError(f"The folder {page.parent} cannot be written to.", "Name a page elsewhere with -o.")
    claimed = [run for run in found[1:] if len(run["claims"])]
    own = list[tuple[Run, Path]]()
    for run in claimed:
        own.append((run, _own_page(run, page, [place for _, place in own])))
    for run, place in own:
        _written([run], place, [])
    ways = [(run, _way(place, page)) for run, place in own]
    return _written([run for run in found if run not in claimed], page, ways)


def _own_page(run: Run, page: Path, taken: Sequence[Path]) -> Path:
    """The page of a run that has one of its own beside another page; none that is taken already."""
    place = run.path / "report.html"
    if _writable(run.path) and place.resolve() != page.resolve():
        return place
    folder = page.with_name(f"{page.stem}-files") / (run.path.resolve().name or "run")
    own = folder / "report.html"
    return own if own not in taken else folder.with_name(f"{folder.name}-{len(taken) + 1}") / own.name


def _way(own: Path, page: Path) -> str:
    """The link from a page to another one below it; "" where it lies elsewhere, for a page holds no path."""
    here, there = page.parent.resolve(), own.resolve()
    return quote(os.fsencode(there.relative_to(here))) if there.is_relative_to(here) else ""


def _written(found: Sequence[Run], page: Path, claimed: Sequence[tuple[Run, str]]) -> Path:
    """Draw and write one page, with pictures and tables."""
    from reports.draw import processes

    places = _places(found, page)
    for folder in (place / name for place in places for name in OWN):
        files.sweep(folder)
    links = [_link(run, place, page) for run, place in zip(found, places, strict=True)]
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with processes.beside(partial(_csvs, found, places)):
            from reports.draw import cache  # here, for drawing libraries take a second to import
            from reports.exports import beside, index
            from reports.page import make

            names = beside.names(found[0], page)
            for name in (page.name, *names):
                files.sweep(page.parent, of=name)
            with processes.beside(partial(beside.beside, found[0], page)) as exported:
                made = make(found, places, links, claimed, names)
        for place, drawn in zip(places, made.pictures, strict=True):
            _save(place / "figures", cache.files(drawn))
        files.write_atomically(page, made.page)
        _save(page.parent, exported.value)
        index.refresh(found[0].path)
    except OSError as error:
        full = error.errno in files.FULL
        raise ReportError(
            f"{error.filename or page} cannot be written ({error.strerror}).",
            "Free some space and run again." if full else "Make that place writable, or remove it.",
        ) from error
    return page


def _places(runs: Sequence[Run], page: Path) -> list[Path]:
    """The folder of each run's pictures and CSVs: its own, or one beside the page."""
    places = list[Path]()
    for number, run in enumerate(runs, start=1):
        if all(_writable(run.path / name if (run.path / name).exists() else run.path) for name in OWN):
            places.append(run.path)
            continue
        beside = page.with_name(f"{page.stem}-files") / (run.path.resolve().name or "run")
        places.append(beside if beside not in places else beside.with_name(f"{beside.name}-{number}"))
    return places


def _link(run: Run, place: Path, page: Path) -> str | None:
    """The way from the page to a run's pictures and CSVs; None where the page lies elsewhere."""
    if place != run.path:
        return quote(os.fsencode(f"{place.parent.name}/{place.name}/"))
    return "" if page.parent.resolve() == place.resolve() else None


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _csvs(runs: Sequence[Run], places: Sequence[Path]) -> None:
    for run, place in zip(runs, places, strict=True):
        for name, frame in run.tables.items():
            _save(place / "csv", {f"{name}.csv": csv(frame)})


def _save(folder: Path, content: dict[str, bytes]) -> None:
    for name, one in content.items():
        files.write_atomically(folder / name, one)
