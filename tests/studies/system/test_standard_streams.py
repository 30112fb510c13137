"""Standard streams that are closed or full: nothing is written elsewhere, and no exit code changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SPEAKS = """
import subprocess, sys
from studies.system import standard_streams
standard_streams.prepare()
file = open(sys.argv[1], "w")
subprocess.run(["sh", "-c", "echo child; echo child >&2"])
print("out", flush=True)
try:
    print("err", file=sys.stderr)
except OSError:
    pass
assert sys.stdin.read() == ""
file.write("whole")
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("streams", "out", "err"),
    [
        ("</dev/null", "child\nout\n", "child\nerr\n"),
        ("<&-", "child\nout\n", "child\nerr\n"),
        ("</dev/null >&-", "", "child\nerr\n"),
        ("<&- >&- 2>&-", "", ""),
        ("<&- 2>/dev/full", "child\nout\n", ""),
    ],
)
def test_a_closed_stream_is_the_null_device_and_a_full_stderr_no_error(tmp_path, streams, out, err):
    file = tmp_path / "file"
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-c", SPEAKS, str(file)]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # what is left in a buffer would be told once more
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=buffered)
    assert (done.returncode, done.stdout, done.stderr) == (3, out, err)
    assert file.read_text() == "whole"


@pytest.mark.parametrize("streams", [">&- 2>&-", pytest.param("<&- 2>/dev/full", marks=pytest.mark.slow)])
def test_a_run_with_two_workers_needs_nobody_who_hears(tmp_path, streams):
    asked = ["run", "quick", "--datasets", "wine", "--blocks", "2", "--epochs", "2", "--jobs", "2"]
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", "studies", *asked]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], cwd=ROOT, capture_output=True, timeout=60
    )
    assert done.returncode == 0
    assert (tmp_path / "run" / "tables" / "made.json").exists()
