"""Public types are true: mypy takes what README and people write, and refuses what is wrong."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NotRequired, get_origin, get_type_hints

import pytest

from studies.folder.schema import notes

ROOT = Path(__file__).parents[1]
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.slow
def test_what_people_write_is_taken_and_what_is_wrong_is_refused(tmp_path):
    usage, wrong = (ROOT / "tests" / "typing" / name for name in ("usage.py", "wrong.py"))
    readme = tmp_path / "readme.py"
    assert README
    untyped = "# mypy: allow-untyped-defs, allow-untyped-calls\n"  # as people write at a prompt
    readme.write_text(untyped + "\n\n".join(README), "utf-8")
    # without the project's own settings, and in one run, for each reads all libraries anew
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"]
    quiet = ["--ignore-missing-imports", "--follow-imports=silent", "--no-error-summary"]
    done = subprocess.run([*command, *quiet, usage, readme, wrong], cwd=ROOT, capture_output=True, text=True)
    told = re.findall(r"^(.+?):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert {Path(file).name for file, _, _ in told} == {"wrong.py"}, done.stdout + done.stderr
    wanted = {
        (i, code)
        for i, line in enumerate(wrong.read_text().splitlines(), 1)
        if ")  # " in line
        for code in line.rpartition("# ")[2].split(", ")
    }
    assert {(int(line), code) for _, line, code in told} == wanted, done.stdout


@pytest.mark.parametrize("room", ["studies", "datasets", "dlopt", "reports"])
def test_no_room_stands_for_anything(room):
    for path in (ROOT / room).rglob("*.py"):
        assert not re.search(
            r"^\w+: Any = (dlopt|datasets|studies)\b", path.read_text("utf-8"), re.MULTILINE
        ), path


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (notes.Manifest, ()),
        (notes.Asked, ("asked",)),
        (notes.Question, ("question",)),
        (notes.ArmSpec, ("asked", "optimizers")),
        (notes.TableSpec, ("asked", "tables")),
    ],
)
def test_the_type_of_a_manifest_has_the_keys_of_its_schema(kind, place):
    shape = notes.MANIFEST
    for key in place:
        shape = shape["properties"][key]
        shape = shape if "properties" in shape else shape["additionalProperties"]
    keys = get_type_hints(kind, include_extras=True)
    assert keys.keys() == shape["properties"].keys()
    assert {key for key, one in keys.items() if get_origin(one) is not NotRequired} == set(shape["required"])
