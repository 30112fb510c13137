"""`python -m reports`: what is asked wrongly, and where the page cannot go."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

import reports.page
from reports.entry import main

ROOT = Path(__file__).parents[2]

BAD = {
    "RUN -o OUT": "that is no file.\nName a file with -o.",
    "RUN -o .": "The page cannot be '.': that is no file.",
    "RUN -o OUT/none/page.html": "/none for the page.\nMake it, or name another one.",
    "RUN RUN": "A run folder is named twice.\nName each run folder once.",
    "OUT": "is no run folder: it has no manifest.json.\nName a folder below runs/",
}


@pytest.mark.parametrize("asked", BAD)
def test_a_page_that_cannot_be_is_refused_with_a_remedy(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    assert main(asked.replace("RUN", str(real)).replace("OUT", str(tmp_path)).split()) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 2)
    assert BAD[asked] in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [[], ["--bogus"], ["run", "-o"]])
def test_a_command_that_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["See: python -m reports --help"]


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is made at once: three million characters without a picture."""
    made = SimpleNamespace(page=b"x" * 3_000_000, pictures=[{}])
    monkeypatch.setattr(reports.page, "make", lambda *_, **__: made)


@pytest.mark.usefixtures("blank")
def test_a_full_disk_leaves_the_old_page_whole(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        code = main([str(real), "-o", str(page)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 2
    assert (
        "page.html cannot be written (File too large).\nFree some space and run again."
        in capsys.readouterr().err
    )
    assert page.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert main([str(real), "-o", str(page)]) == 0
    assert page.stat().st_size == 3_000_000


AS_ANYBODY = """
import ctypes, os, sys
from reports.draw import pictures
from reports.entry import main
made = [pictures.Picture("all", "", "", "<svg></svg>", b"")]  # to draw them takes seconds
pictures.Order.make = lambda *_: made
if os.getuid() == 0:  # give up all that root may do with files which forbid it
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
sys.exit(main(sys.argv[1:]))
"""


def as_anybody(*words: object) -> subprocess.CompletedProcess[str]:
    """`python -m reports` as somebody who may not write into a folder that forbids it."""
    command = [sys.executable, "-c", AS_ANYBODY, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.fixture
def shut(real: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the run that nobody may write to, as in an archive; its name is an odd one."""
    folder = shutil.copytree(real, tmp_path / "archive" / "100% #1")
    every = [folder, *folder.rglob("*")]
    for path in every:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in every:
        path.chmod(0o755)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_a_run_that_cannot_be_written_to_is_reported_elsewhere(shut: Path, tmp_path: Path) -> None:
    before, page = state(shut), tmp_path / "my page.html"
    done = as_anybody(shut, "-o", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert state(shut) == before
    beside = tmp_path / "my page-files" / "100% #1"
    assert len(list((beside / "csv").iterdir())) == len(list((shut / "tables").glob("*.parquet")))
    links = [unquote(link) for link in re.findall('href="([^"#]+)"', page.read_text()) if ":" not in link]
    assert any(link.endswith(".csv") for link in links)
    assert any(link.endswith(".png") for link in links)
    assert all((tmp_path / link).is_file() for link in links)


@pytest.mark.usefixtures("blank")
def test_a_page_that_cannot_be_written_is_told_before_it_is_drawn(
    real: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.delattr(reports.page, "make")
    assert main([str(real)]) == 2
    told = capsys.readouterr().err
    assert told == f"The folder {real} cannot be written to.\nName a page elsewhere with -o.\n"


@pytest.mark.usefixtures("blank")
def test_each_run_has_files_of_its_own_beside_a_page(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = SimpleNamespace(page=b"x", pictures=[[], [], []])
    monkeypatch.setattr(reports.page, "make", lambda *_: made)
    new = shutil.ignore_patterns("csv", "figures")
    runs = [shutil.copytree(real, tmp_path / place / "run", ignore=new) for place in "abc"]
    monkeypatch.setattr(os, "access", lambda path, _: path not in runs[1:])
    reports.write(runs, tmp_path / "page.html")
    for place in (runs[0], tmp_path / "page-files" / "run", tmp_path / "page-files" / "run-3"):
        assert (place / "csv" / "rows.csv").is_file()
    assert not any((run / "csv").exists() for run in runs[1:])


@pytest.mark.usefixtures("blank")
def test_an_error_of_ours_is_a_sentence_and_a_traceback_only_with_debug(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(reports.page, "make", broken)
    asked = [str(real), "-o", str(tmp_path / "page.html")]
    assert main(asked) == 1
    assert "This should not have happened (RuntimeError: boom).\nRun again" in capsys.readouterr().err
    with pytest.raises(RuntimeError):
        main([*asked, "--debug"])


@pytest.mark.slow
def test_results_that_cannot_be_told_are_no_traceback(real: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reports", str(real), "-o", str(page)],
            env={**os.environ, "PYTHONUNBUFFERED": ""},  # what is left in a buffer would be told once more
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2), done.stderr
    assert "Standard output could not be written or read: No space left" in done.stderr
    assert page.exists()
