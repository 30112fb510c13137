"""`python -m reports`: what is asked wrongly, and where the page cannot go."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import reports.page
from reports.__main__ import main

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
    assert "page.html cannot be written (File too large).\nMake that place" in capsys.readouterr().err
    assert page.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert main([str(real), "-o", str(page)]) == 0
    assert page.stat().st_size == 3_000_000


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
            cwd=Path(__file__).parents[2],
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2), done.stderr
    assert "Standard output could not be written or read: No space left" in done.stderr
    assert page.exists()
