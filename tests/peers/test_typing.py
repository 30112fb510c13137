"""Public types are true for Pyright too, which reads dataclass transforms otherwise than mypy does."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
WRONG = (ROOT / "tests" / "typing" / "wrong.py").read_text("utf-8")


def refused(folder, text):
    """The lines of a text that are refused."""
    (folder / "text.py").write_text(text, "utf-8")
    settings = {"typeCheckingMode": "standard", "include": ["text.py"], "extraPaths": [str(ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    told = subprocess.run([*command, "-p", str(folder)], capture_output=True, text=True)
    assert told.stdout, told.stderr
    found = json.loads(told.stdout)
    assert found["summary"]["filesAnalyzed"] == 1, told.stdout
    return {one["range"]["start"]["line"]: one["message"] for one in found["generalDiagnostics"]}


def test_what_people_write_and_readme_s_python_are_taken(tmp_path):
    assert refused(tmp_path, (ROOT / "tests" / "typing" / "usage.py").read_text("utf-8")) == {}
    assert README
    assert refused(tmp_path, "\n\n".join(README)) == {}


def test_what_is_wrong_is_refused(tmp_path):
    wanted = {i for i, line in enumerate(WRONG.splitlines()) if ")  # " in line}
    assert wanted
    assert set(refused(tmp_path, WRONG)) == wanted
