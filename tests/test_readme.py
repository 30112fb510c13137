"""README's Python runs as it stands, and its commands exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_the_python_of_the_readme_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    code = "\n".join(blocks).replace("runs/mine", str(tmp_path / "mine"))
    script = tmp_path / "readme.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "tables" / "ranking.parquet").exists()


COMMANDS = re.findall(r"^    (python -m .*?)(?:  +#.*)?$", README, re.MULTILINE)
HANDLES = re.findall(r'^    make study ARGS="(.*?)"', README, re.MULTILINE)


@pytest.mark.parametrize("command", [c for c in COMMANDS if "runs/quick" not in c])
def test_a_command_of_the_readme_runs(command):
    words = [sys.executable, *command.split()[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^    make ([a-z]+)", README, re.MULTILINE))))
def test_a_target_of_the_readme_is_in_the_makefile(target):
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("handles", HANDLES)
def test_a_handle_of_the_readme_is_understood(handles):
    command = [sys.executable, "-m", "studies", "run", *handles.split(), "--where"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("runs/default")
