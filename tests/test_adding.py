"""What CONTRIBUTING says of adding an optimizer and a schedule is done in a copy of the tree."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PUMA = '''

class Puma(Optimizer):
    """Puma: w ← w - lr·(sign(β₁m + (1-β₁)g) + g)/2, then m ← β₂m + (1-β₂)g (no paper; in tests alone)."""

    lr: Numbers = rate(default=1e-4, search=(1e-6, 0.1), symbol="α")
    beta1: Numbers = decay(default=0.9, search=(1e-2, 0.5), symbol="β₁")
    beta2: Numbers = decay(default=0.99, search=(1e-3, 0.2), symbol="β₂")
    state = ("mean",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return half the gradient and half the sign of the average that it enters with 1-β₁."""
        step: Floats = lr * (np.sign(self.beta1 * state.mean + (1 - self.beta1) * grad) + grad) / 2
        ewa(state.mean, grad, self.beta2)
        return step
'''
ROOT_DECAY = '''

class InverseRoot(Schedule):
    """Inverse root decay: lr / √(1 + k·epoch)."""

    k: Numbers = positive(default=0.1, search=(1e-3, 10.0), symbol="k")

    def factor(self, epoch: int) -> Factor:
        """Return 1 / √(1 + k·epoch)."""
        return 1.0 / (1.0 + self.k * epoch) ** 0.5
'''
COMPARED = """
from studies import Arm, Study
mine = Study(
    "mine",
    (Arm("sgd"), Arm("puma"), Arm("puma", name="puma-root", decay="inverseroot")),
    ("wine",), blocks=6, draws=4, epochs=3, fresh=4,
)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with both."""
    made = tmp_path_factory.mktemp("copy") / "dlopt"
    made.mkdir()
    for name in (
        "dlopt",
        "datasets",
        "studies",
        "reports",
        "tests",
        "Makefile",
        "README.md",
        "CITATION.cff",
        "pyproject.toml",
    ):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, made / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, made)
    for file, listed, name, text in (
        ("adaptive.py", '"Adagrad", ', "Puma", PUMA),
        ("schedules.py", '"Constant", ', "InverseRoot", ROOT_DECAY),
    ):
        path = made / "dlopt" / file
        old = path.read_text("utf-8")
        assert old.count(listed) == 1
        path.write_text(old.replace(listed, f'{listed}"{name}", ') + text, "utf-8")
    (made / "mine.py").write_text(COMPARED)
    return made


def called(tree, *words):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([sys.executable, *words], cwd=tree, capture_output=True, text=True, env=plain)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


@pytest.mark.slow
def test_no_test_turns_red(tree):
    rooms = ("dlopt", "studies/takehome/test_code.py", "studies/cli/test_overrides.py", "studies/question")
    told = called(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{room}" for room in rooms))
    assert " passed" in told
    linter = Path(sys.executable).with_name("mypy")
    subprocess.run([linter, "--no-incremental"], cwd=tree, check=True, capture_output=True)


@pytest.mark.slow
def test_command_line_search_space_page_and_code_to_take_home_pick_both_up(tree, tmp_path):
    listed = json.loads(called(tree, "-m", "studies", "list", "optimizers", "--json"))
    assert "puma" in json.dumps(listed)
    assert "1-beta2" in called(tree, "-m", "studies", "describe", "puma", "--json")
    out = tmp_path / "run"
    called(tree, "-m", "studies", "run", "mine.py:mine", "--out", str(out), "--report", "--quiet")
    page = (out / "report.html").read_text()
    assert "Puma · inverseroot" in page
    tables = {name: pd.read_parquet(out / "tables" / f"{name}.parquet") for name in ("rows", "optimizers")}
    drawn = tables["rows"][tables["rows"].optimizer == "puma-root"]
    assert set(drawn.decay) == {"none", "inverseroot"}  # the untuned row has none
    searched = json.loads(tables["optimizers"].set_index("optimizer").search["puma-root"])
    assert set(searched) == {"lr", "1-beta1", "1-beta2", "k"}
    code = """
import dlopt
from studies.takehome.code import FRAMEWORKS, code
for name in FRAMEWORKS:
    print(*code(dlopt.OPTIMIZERS["puma"], {"lr": .1, "beta1": .9, "beta2": .99}, "none", 8, 2, dlopt.MLP(4),
                "classification", 90, name))
"""
    told = called(tree, "-c", code)
    assert "dlopt.Puma(lr=0.1, beta1=0.9, beta2=0.99)" in told
    assert "How PyTorch spells Puma is not known here: there is code for dlopt." in told
    assert "scikit-learn's networks have no Puma." in told
