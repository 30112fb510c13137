"""The files of a report: the page, and beside each run its pictures and tables."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from reports import tables
from reports.tables import ReportError, Run, read


def write(runs: Sequence[Run | Path | str], page: Path | str | None = None) -> Path:
    """Write the page of runs, and each run's pictures (RUN/figures) and tables as CSV (RUN/csv).

    runs: finished run folders, or what `read` gave for them; the first one is shown in full, of each
    further one what its study is made for. page: where the page goes, by default report.html in the first
    run's folder. Gives the page's path. Raises ReportError for a folder that is no finished, readable run.
    """
    if not runs:
        raise ReportError("No run folder is named.", "Name one: python -m reports runs/default")
    found = [one if isinstance(one, Run) else read(one) for one in runs]
    if len({run.path.resolve() for run in found}) < len(found):
        raise ReportError("A run folder is named twice.", "Name each run folder once.")
    from reports import kept, pictures  # the drawing libraries take a second to import
    from reports.page import make

    page = Path(page) if page is not None else found[0].path / "report.html"
    if not page.name or (page.exists() and not page.is_file()):
        raise ReportError(f"The page cannot be {str(page)!r}: that is no file.", "Name a file with -o.")
    if not page.parent.is_dir():
        raise ReportError(f"There is no folder {page.parent} for the page.", "Make it, or name another one.")
    try:
        with pictures.beside(partial(_csvs, found)):
            made = make(found, page.parent.resolve() == found[0].path.resolve())
        for run, drawn in zip(found, made.pictures, strict=True):
            _save(run.path / "figures", kept.files(drawn))
        _replace(page, made.page)
    except OSError as error:
        raise ReportError(
            f"{error.filename or page} cannot be written ({error.strerror}).",
            "Make that place writable, or name another page with -o.",
        ) from error
    return page


def _csvs(runs: Sequence[Run]) -> None:
    for run in runs:
        for name, frame in run.tables.items():
            _save(run.path / "csv", {f"{name}.csv": tables.csv(frame)})


def _save(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        _replace(folder / name, content)


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()  # a full disk keeps no part of it
        raise OSError(error.errno, error.strerror, str(path)) from error
