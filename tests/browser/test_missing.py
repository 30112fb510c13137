"""Where there is no browser its tests are skipped with their reason, and in CI they fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("ci", "code", "words"), [("", 0, "SKIPPED [1]"), ("true", 1, "Failed: ")])
def test_a_missing_browser_is_named_with_the_remedy(tmp_path, ci, code, words):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rsE",
        "-p",
        "no:cacheprovider",
        "tests/browser/test_looks.py",
    ]
    there = {**os.environ, "PATH": str(tmp_path), "CI": ci}
    done = subprocess.run(
        [*command, "-k", "links_to_nothing"], cwd=ROOT, env=there, capture_output=True, text=True
    )
    assert done.returncode == code
    said = " ".join(done.stdout.split())
    assert words in said
    assert "None of chromium, chromium-browser, google-chrome is on the PATH" in said
    assert "Install one (Debian: apt-get install chromium fonts-dejavu-core)." in said
