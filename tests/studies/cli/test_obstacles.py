"""A full disk, a folder that cannot be written or read: a sentence, and nothing lost."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from studies.cli.entry import main
from tests.support.tiny import digests

ROOT = Path(__file__).parents[3]
LIMIT = 5_000  # bytes to a file: the manifest fits, a record and the larger tables do not
RUN = ["run", "--jobs", "1", "--quiet", "--out"]


@pytest.fixture
def full_disk(monkeypatch):
    """While it is asked to be, no file may grow beyond the limit."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python would keep the first half of a module
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda full: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT if full else soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["none", "half", "all"])
def test_a_full_disk_ends_in_a_sentence_and_the_next_run_goes_on(finished, tmp_path, full_disk, capsys, kept):
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    shutil.rmtree(out / "tables")
    records = sorted((out / "records").iterdir())
    assert min(p.stat().st_size for p in records) > LIMIT > (out / "manifest.json").stat().st_size
    lost = {"none": records, "half": records[::2], "all": []}[kept]
    for record in lost:
        record.unlink()
    full_disk(True)
    code = main([*RUN, str(out)])
    full_disk(False)
    sentence, remedy = capsys.readouterr().err.splitlines()
    assert code == 2
    assert f"{out}/{'tables' if kept == 'all' else 'records'}/" in sentence
    assert "could not be written or read: File too large." in sentence
    assert remedy == "Free some space and run again: finished rows are kept."
    assert sorted((out / "records").iterdir()) == [p for p in records if p not in lost]
    assert not list(out.glob("*/.*"))
    assert main([*RUN, str(out)]) == 0
    assert digests(out) == digests(finished)


AS_NOBODY = """
import os, sys
from pathlib import Path
from studies.cli.entry import main
import datasets, dlopt.engine, optuna, studies.cli.run, studies.cli.show  # while this user can read them
datasets.load("wine"), dlopt.engine.missing()  # likewise
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
out, obstacle = map(Path, sys.argv[1:])
try:
    obstacle.read_text() if obstacle.is_file() else (obstacle / "probe").touch()
    sys.exit("the obstacle does not hold")
except PermissionError:
    pass
sys.exit(main(["run", "--jobs", "1", "--out", str(out)]))
"""


@pytest.mark.parametrize(
    ("shut", "mode", "holds"),
    [
        ("shut", 0o555, "shut/run cannot be written to (Permission denied).\nChoose another --out."),
        ("shut", 0o000, "shut/run cannot be written to (Permission denied).\nChoose another --out."),
        ("shut/old", 0o555, "shut/old cannot be written to (Permission denied).\nChoose another --out."),
        ("shut/old/manifest.json", 0o000, "manifest.json cannot be read (Permission denied)."),
    ],
)
def test_what_cannot_be_written_or_read_is_named(finished, tmp_path, shut, mode, holds):
    for folder in (tmp_path, *tmp_path.parents):  # as far as it is pytest's, let anybody come so far
        if folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
    shutil.copytree(finished, tmp_path / "shut" / "old")
    place = tmp_path / shut
    for lock in place.glob("lock"):
        lock.chmod(0o444)  # or whoever runs this test, as its owner, could open it still
    place.chmod(mode)
    out = tmp_path / "shut" / ("old" if "old" in shut else "run")
    command = [sys.executable, "-c", AS_NOBODY, str(out), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    place.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert holds in done.stderr
    assert len(done.stderr.splitlines()) == 2
