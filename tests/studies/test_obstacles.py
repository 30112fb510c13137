"""A full disk, a folder that cannot be written: a sentence, and nothing lost."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import digests

QUICK = ["run", "quick", "--datasets", "wine", "--blocks", "3", "--trials", "4", "--epochs", "3", "--quiet"]
ROOT = Path(__file__).parent.parent.parent


def run(out, *, limit=None):
    def narrow():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "studies", *QUICK, "--jobs", "1", "--out", str(out)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, preexec_fn=narrow if limit else None, timeout=120
    )


def test_a_full_disk_ends_in_a_sentence_and_the_next_run_goes_on(tmp_path):
    record = 9_000  # between the size of the manifest and that of a record
    done = run(tmp_path / "full", limit=record)
    assert done.returncode == 2, done.stderr
    assert "could not be written" in done.stderr
    assert "finished rows are kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "full" / "records").glob("*.parquet"))
    assert run(tmp_path / "full").returncode == 0
    assert run(tmp_path / "whole").returncode == 0
    assert max(p.stat().st_size for p in (tmp_path / "whole" / "records").iterdir()) > record
    assert digests(tmp_path / "full") == digests(tmp_path / "whole")
    assert not list((tmp_path / "full" / "records").glob(".*"))  # no torn temporary file is left


AS_NOBODY = """
import os, sys
from pathlib import Path
from studies.__main__ import main
import optuna, studies.cli  # before this user cannot read them any more
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    Path(sys.argv[1], "probe").touch()
    sys.exit("the obstacle does not hold")
except PermissionError:
    pass
sys.exit(main(["run", "quick", "--out", sys.argv[1] + "/run"]))
"""


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, mode):
    if os.getuid() != 0:
        shut = tmp_path / "shut"  # a plain user needs no change of identity
        script = AS_NOBODY.replace("os.setgroups([])\nos.setgid(65534)\nos.setuid(65534)\n", "")
    else:
        shut, script = Path(tmp_path, "shut"), AS_NOBODY
    shut.mkdir()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    shut.chmod(mode)
    done = subprocess.run(
        [sys.executable, "-c", script, str(shut)], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    shut.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert "cannot be written to (Permission denied)" in done.stderr
    assert "Choose another --out" in done.stderr
