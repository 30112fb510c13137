"""What the project says of itself in several places is the same in all of them."""

import re
import subprocess
import tomllib
from pathlib import Path

import yaml

import dlopt

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
JOBS = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflow_runs_both_steps_of_ci_and_nothing_else():
    said = [re.sub(r"^sudo env \S+ ", "", line) for job in JOBS.values() for line in commands(job)]
    assert said == ["bash .ci/run 1", "bash .ci/run 2"]
    script = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^step_(\d)\(\)", script, re.MULTILINE) == ["1", "2"]
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0


def test_an_unknown_step_of_ci_is_refused():
    done = subprocess.run(["bash", ROOT / ".ci" / "run", "3"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "step_3" in done.stderr
    assert "done" not in done.stdout


def test_the_pythons_tested_are_those_promised():
    promised = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert JOBS["step-1"]["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_one_version_stands_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert cited["version"] == newest == dlopt.__version__
    assert cited["license"] == PROJECT["license"]


def test_what_runs_before_a_commit_is_a_target_of_make():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {hook["entry"].removeprefix("make ") for hook in hooks} <= set(targets)
