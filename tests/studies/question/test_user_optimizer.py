"""Optimizers of one's own: found, checked, trained beside the others, kept, and failing alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
import dlopt
from dlopt.testing import problems
from studies import Arm, Study, run
from studies.cli.entry import main
from studies.errors import FailedError, UsageError
from studies.folder.read import read_table
from studies.question import user_optimizer
from studies.training import stacks as stacks_module
from studies.training import workers
from studies.training.stacks import skip

HEAD = "import numpy as np\nfrom dlopt import Numbers, Optimizer, accumulate, decay, ewa, rate\n\n\n"
SIGNER = '''class Signer(Optimizer):
    """Sign of the averaged gradient (Bernstein et al. 2018, Algorithm 1)."""

    lr: float = rate(1e-3, search=(1e-6, 1e-1))
    beta: float = decay(0.9, search=(5e-3, 1))
    state = ("mean",)

    def update(self, grad, state, lr):
        return lr * np.sign(ewa(state.mean, grad, self.beta))
'''
ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
TURNED = '''
import dlopt


class Turned(dlopt.Optimizer):
    """The heavy ball, made orthogonal layer by layer."""

    lr: dlopt.Numbers = dlopt.rate(default=0.02, search=(1e-4, 1))
    beta: dlopt.Numbers = dlopt.decay(default=0.95, search=(5e-3, 1))
    state = ("velocity",)

    def update(self, grad, state, lr):
        step = dlopt.accumulate(state.velocity, grad, self.beta).copy()
        for _, where, shape in state.layers:
            x = step[..., where].reshape(*step.shape[:-1], *shape)
            x = x / (np.sqrt(np.sum(x * x, axis=(-2, -1), keepdims=True)) + 1e-7)
            for _ in range(5):
                square = x @ x.swapaxes(-1, -2)
                x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
            step[..., where] = x.reshape(step[..., where].shape)
        return lr * step
'''
TINY = {"datasets": ("wine",), "blocks": 4, "draws": 2, "epochs": 2, "fresh": 2}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one optimizer, in a folder of its own."""
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "my_optimizer.py"
    path.write_text(HEAD + SIGNER)
    return path


@pytest.mark.slow
def test_it_joins_a_finished_run_and_only_its_rows_train(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = run(Study("mine", ("sgd", "adam"), **TINY), out=out, jobs=1)
    before = {path.name for path in (out / "records").iterdir()}
    more = run(Study("mine", ("sgd", "adam", str(file)), **TINY), out=out, jobs=2)
    # 4 blocks × (2 draws and the untuned one), and candidates and picks where they are other ones
    assert 12 <= more.trained < first.trained
    assert before < {path.name for path in (out / "records").iterdir()}
    at_once = run(Study("mine", ("sgd", str(file), "adam"), **TINY), out=tmp_path / "other", jobs=1)
    for name in ("rows", "curves", "comparisons", "ranking", "picks", "optimizers"):
        pd.testing.assert_frame_equal(read_table(out, name), read_table(at_once.path, name))
    table = read_table(out, "optimizers").set_index("optimizer")
    assert table.title["signer"] == "Signer"
    assert table.source["signer"] == user_optimizer.digest(file)
    assert table.source["sgd"] == ""
    assert str(tmp_path) not in table.to_csv()


@pytest.mark.slow
def test_a_file_that_is_gone_leaves_its_rows_and_its_copy(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    run(Study("mine", ("sgd", str(file)), **TINY), out=out, jobs=1)
    rows = read_table(out, "rows")
    shutil.rmtree(file.parent)
    out = Path(shutil.move(out, tmp_path / "moved"))
    assert main(["run", "--out", str(out), "--quiet"]) == 0
    assert "nothing was left to train" in capsys.readouterr().out
    pd.testing.assert_frame_equal(read_table(out, "rows"), rows)
    told = json.loads((out / "manifest.json").read_text())["changes"]
    assert any("my_optimizer.py is gone" in line for line in told)


@pytest.mark.slow
@pytest.mark.parametrize("now", [SIGNER.replace("Signer", "Other"), "class Signer(", "while True: pass"])
def test_a_file_that_holds_it_no_more_blocks_no_run(
    now: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    run(Study("mine", ("sgd", str(file)), **TINY), out=out, jobs=1)
    rows = read_table(out, "rows")
    file.write_text(HEAD + now)
    monkeypatch.setattr(user_optimizer, "PATIENCE", 5.0)
    assert run(Study("mine", ("sgd",), **TINY), out=out, jobs=1).trained == 0
    pd.testing.assert_frame_equal(read_table(out, "rows"), rows)
    told = json.loads((out / "manifest.json").read_text())["changes"]
    assert any("holds Signer no more" in line for line in told)
    if "class Signer(" in now:  # once it is mended it serves again
        assert main(["run", "--out", str(out), "--quiet"]) == 0
        file.write_text(HEAD + SIGNER)
        assert main(["run", "--out", str(out), "--quiet"]) == 0
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["asked"]["optimizers"]["signer"]["file"] == f"{file}:Signer"
        assert not any("no more" in line for line in manifest["changes"])
    if "Other" in now:
        run(Study("mine", ("sgd", str(file)), **TINY), out=out, jobs=1)
        assert set(read_table(out, "rows").optimizer) == {"sgd", "signer", "other"}


@pytest.mark.slow
def test_a_changed_file_trains_its_own_rows_again(file: Path, tmp_path: Path) -> None:
    study = Study("mine", ("sgd", str(file)), **TINY)
    out = run(study, out=tmp_path / "run", jobs=1).path
    before = read_table(out, "rows").set_index("optimizer")
    file.write_text(HEAD + SIGNER.replace("lr * np.sign", "2 * lr * np.sign"))
    again = run(Study("mine", ("sgd", str(file)), **TINY), out=out, jobs=1)
    after = read_table(out, "rows").set_index("optimizer")
    assert 12 <= again.trained <= 12 + 2 * 8 + 2 * 4
    assert (after.test_loss["sgd"] == before.test_loss["sgd"]).all()
    assert (after.test_loss["signer"] != before.test_loss["signer"]).any()


@pytest.mark.slow
def test_what_raises_fails_alone(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = HEAD + SIGNER.replace(
        "return lr", "if state.t > 200:\n            raise ArithmeticError('too late')\n        return lr"
    )
    file.write_text(late)
    study = Study("mine", ("sgd", str(file)), **(TINY | {"epochs": 200}))
    with pytest.raises(
        FailedError, match=r"my_optimizer\.py:Signer failed: ArithmeticError on wine, block 0"
    ):
        run(study, out=tmp_path / "run", jobs=2)
    assert set(read_table(tmp_path / "run", "rows").optimizer) == {"sgd"}
    assert "too late" in json.loads((tmp_path / "run" / "manifest.json").read_text())["changes"][-1]
    with pytest.raises(FailedError, match="Mend it"):
        run(Study("alone", (str(file),), **(TINY | {"epochs": 200})), out=tmp_path / "alone", jobs=1)
    arguments = ["run", "--out", str(tmp_path / "run"), "--optimizer", str(file), "--quiet"]
    assert main(arguments) == 1
    assert "The others' rows and tables are kept" in capsys.readouterr().err
    file.write_text(HEAD + SIGNER)
    assert main(arguments) == 0
    assert set(read_table(tmp_path / "run", "rows").optimizer) == {"sgd", "signer"}


def test_an_optimizer_that_asks_for_layers_gets_those_of_the_network(file: Path) -> None:
    file.write_text(HEAD + TURNED)
    kind = user_optimizer.find(user_optimizer.named(str(file)))
    block = datasets.load("wine").block(0)
    network = dlopt.MLP(5)
    layers = network.layers(13, 3)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=layers[-1].slice.stop)
    step = -kind(lr=1.0, beta=0.0).step(np.zeros_like(weights), weights, layers=layers)[0]
    for _, where, shape in layers:  # five rounds bring every singular value near 1: that is Turned
        values = np.linalg.svd(step[where].reshape(shape), compute_uv=False)
        assert values.min() > 0.5
        assert values.max() < 1.3
    together = dlopt.train(network, block, [kind(lr=[0.01, 0.1]), dlopt.SGD()], batch_size=64, epochs=3)
    alone = dlopt.train(network, block, [kind(lr=[0.1])], batch_size=64, epochs=3)
    assert together.curves.validation_loss[:, 1].tobytes() == alone.curves.validation_loss[:, 0].tobytes()


def test_layers_that_are_not_told_apart_by_row_are_found_out() -> None:
    class Mixes(dlopt.Optimizer):
        """Divides by the size of all rows' steps."""

        lr: float = dlopt.rate(1e-3, search=(1e-5, 1.0))

        def update(self, grad, state, lr):  # type: ignore[no-untyped-def]
            return lr * grad / (np.sqrt(np.sum(grad[..., state.layers[0].slice] ** 2)) + 1)

    assert any("differs from the same trial alone" in line for line in problems(Mixes))


BAD = {
    HEAD + SIGNER.replace("return lr", "lr"): ("update returns None", "Mend"),
    HEAD + SIGNER.replace("(1e-6, 1e-1)", "(1e-1, 1e-6)"): ("0 < low < high, not (0.1, 1e-06)", "Mend"),
    "import os": ("has no optimizer", "derives from"),
    HEAD + SIGNER + TURNED: ("has 2 optimizers: Signer, Turned", "Name one of them"),
    HEAD + SIGNER.replace("return lr *", "return lr * ("): ("has a syntax error in line", "Mend"),
    HEAD + SIGNER + "\n1 / 0\n": ("ZeroDivisionError", "Mend"),
    "import os\nos._exit(7)": ("exit code 7", "ends nothing"),
    "raise SystemExit(2)": ("SystemExit: 2", "Mend"),
    HEAD + SIGNER.replace("lr * np.sign(", "lr * np.nan * np.sign("): ("not finite", "Mend"),
    HEAD + SIGNER.replace("return lr", "grad *= 2\n        return lr"): ("changes the gradient", "Mend"),
    HEAD + SIGNER.replace("return lr * ", "return float(lr.sum()) or "): ("problem", "Mend"),
    HEAD + SIGNER.replace("return lr", "print(1)\n        return lr"): ("it prints", "Mend"),
    HEAD + SIGNER.replace("np.sign(", "np.float64(1) * np.sign("): ("keep the gradients' dtype", "Mend"),
    HEAD + SIGNER.replace("self.beta", "0.9"): ("beta is ignored", "Mend"),
    HEAD + SIGNER.replace("lr * np", "0.1 * np"): ("the learning rate does nothing", "Mend"),
    HEAD + SIGNER.replace("grad, state, lr)", "grad, lr, state)"): ("takes (self, grad, lr, state)", "Mend"),
}


@pytest.mark.parametrize("content", BAD)
def test_a_file_that_cannot_be_used_is_told_why(
    content: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(content)
    assert main(["run", "quick", "--optimizer", str(file), "--dry-run"]) == 2
    sentence, remedy = capsys.readouterr().err.strip().split("\n")
    assert BAD[content][0] in sentence
    assert BAD[content][1] in remedy


def test_what_never_returns_has_a_limit(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("while True:\n    pass\n")
    monkeypatch.setattr(user_optimizer, "PATIENCE", 2.0)
    with pytest.raises(UsageError, match="after 2 s"):
        Arm(str(file)).found()


STUCK = HEAD + SIGNER.replace(
    "return lr",
    """while state.t > 200:
            pass
        return lr""",
)


@pytest.mark.slow
def test_a_step_that_never_returns_fails_alone_and_only_once(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(STUCK)
    monkeypatch.setattr(user_optimizer, "PATIENCE", 3.0)
    skipped: list[str] = []
    monkeypatch.setattr(workers, "skip", lambda uses: skipped.append(uses) or skip(uses))
    study = Study("mine", ("sgd", str(file)), **(TINY | {"epochs": 200, "blocks": 30}))
    with pytest.raises(FailedError, match=r"TimeoutError on wine, block \d+: a step took longer than 3 s"):
        run(study, out=tmp_path / "run", jobs=1)
    assert set(read_table(tmp_path / "run", "rows").optimizer) == {"sgd"}
    assert len(skipped) >= 2


def ends(how: str) -> str:
    """An optimizer that keeps to the contract as long as it is checked, and later ends in some way."""
    return (
        "import os, signal, sys\n"
        + HEAD
        + SIGNER.replace("return lr", f"if state.t > 200:\n            {how}\n        return lr")
    )


RAISES = {
    "sys.exit(3)": "SystemExit",
    "raise GeneratorExit": "GeneratorExit",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
}
LONG = TINY | {"epochs": 150}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "jobs"), [("sys.exit(3)", 1), ("raise GeneratorExit", 1), ("raise KeyboardInterrupt", 2)]
)
def test_whatever_an_optimizer_raises_it_fails_alone(file: Path, tmp_path: Path, how: str, jobs: int) -> None:
    file.write_text(ends(how))
    with pytest.raises(FailedError, match=f"my_optimizer.py:Signer failed: {RAISES[how]} on wine"):
        run(Study("mine", ("sgd", str(file)), **LONG), out=tmp_path / "run", jobs=jobs)
    assert set(read_table(tmp_path / "run", "rows").optimizer) == {"sgd"}


@pytest.mark.slow
@pytest.mark.parametrize("how", RAISES)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_whatever_an_optimizer_raises_the_command_ends_with_1(
    file: Path, tmp_path: Path, how: str, jobs: str
) -> None:
    file.write_text(ends(how))
    words = [
        "-m",
        "studies",
        "run",
        "quick",
        "--datasets",
        "wine",
        "--blocks",
        "3",
        "--epochs",
        "150",
        "--quiet",
    ]
    words += ["--optimizers", "sgd", "--optimizer", str(file), "--jobs", jobs, "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert f"failed: {RAISES[how]} on wine" in done.stderr


@pytest.mark.parametrize("blocks", [1, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "how", ["os._exit(3)", pytest.param("os.kill(os.getpid(), signal.SIGSEGV)", marks=pytest.mark.slow)]
)
def test_an_optimizer_that_ends_its_process_fails_alone(
    file: Path, tmp_path: Path, how: str, blocks: int
) -> None:
    file.write_text(ends(how))
    with pytest.raises(FailedError, match=r"Signer failed: it ended its process on wine, block \d"):
        run(Study("mine", ("sgd", str(file)), **(LONG | {"blocks": blocks})), out=tmp_path / "run", jobs=2)
    assert set(read_table(tmp_path / "run", "rows").optimizer) == {"sgd"}
    assert run(Study("mine", ("sgd",), **(LONG | {"blocks": blocks})), out=tmp_path / "other", jobs=1)


@pytest.mark.slow
@pytest.mark.parametrize("first", [2_000_000, 1_000_000])  # chooses, confirms
def test_an_optimizer_that_fails_in_fresh_blocks_alone_fails_alone(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    file.write_text(ends("pass"))
    made = stacks_module.train_stacks

    def fresh(task: list[stacks_module.Stack]) -> list[list[dict[str, object]]]:
        if 0 <= task[0].block - first < 100_000 and task[0].rows[0].uses.endswith("Signer"):
            raise ZeroDivisionError("in a fresh block")
        return made(task)

    monkeypatch.setattr(stacks_module, "train_stacks", fresh)
    said = ""
    for seed in range(9):  # until Signer is a candidate, or the pick
        study = Study("mine", ("sgd", str(file)), **(TINY | {"seed": seed}))
        try:
            run(study, out=tmp_path / str(seed), jobs=1)
        except FailedError as error:
            said = str(error)
            break
    assert "Signer failed: ZeroDivisionError on wine" in said
    assert set(read_table(tmp_path / str(seed), "picks").optimizer) == {"sgd"}


def test_the_limit_of_a_step_leaves_the_class_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(dlopt.SGD):
        """Inherits its update."""

    monkeypatch.setattr(user_optimizer, "PATIENCE", 0.2)
    params, grad = np.ones(3), np.ones(3)
    plain = Slow(lr=0.1).step(params, grad)[0]
    with user_optimizer.limited(Slow):
        assert "update" in vars(Slow)
        assert Slow(lr=0.1).step(params, grad)[0].tobytes() == plain.tobytes()
    assert "update" not in vars(Slow)

    class Stuck(dlopt.SGD):
        """Never returns."""

        def update(self, grad, state, lr):  # type: ignore[no-untyped-def]
            while True:
                pass

    update = Stuck.update
    with pytest.raises(TimeoutError, match=r"longer than 0 s"), user_optimizer.limited(Stuck):
        Stuck().step(params, grad)
    assert Stuck.update is update


def test_a_missing_file_and_a_missing_class(file: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Arm("nowhere.py")
    with pytest.raises(UsageError, match=r"has no optimizer 'Sgner'\.\nDid you mean Signer"):
        Arm(f"{file}:Sgner").found()


def test_an_installed_package_offers_its_own(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "signers-1.2.dist-info").mkdir(parents=True)
    (site / "signers.py").write_text(HEAD + SIGNER)
    (site / "signers-1.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: signers\nVersion: 1.2\n"
    )
    (site / "signers-1.2.dist-info" / "entry_points.txt").write_text(
        "[dlopt.optimizers]\nsigns = signers:Signer\n"
    )
    monkeypatch.syspath_prepend(site)
    user_optimizer.installed.cache_clear()
    try:
        arm = Arm("signs")
        assert (arm.name, arm.title, arm.source) == ("signer", "Signer", "signers 1.2")
        found = run(Study("mine", ("sgd", "signs"), **TINY), out=tmp_path / "run", jobs=1)
        assert set(read_table(found.path, "rows").optimizer) == {"sgd", "signer"}
    finally:
        user_optimizer.installed.cache_clear()
        sys.modules.pop("signers", None)


def test_check_and_describe(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*dlopt.OPTIMIZERS, str(file)):
        assert main(["check", name]) == 0
        assert "keeps to the contract" in capsys.readouterr().out
        assert main(["describe", name]) == 0
        assert "lr" in capsys.readouterr().out
    for name in dlopt.SCHEDULES:
        assert main(["describe", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["about"]
    assert main(["describe", "adamm"]) == 2
    assert "Did you mean adam" in capsys.readouterr().err
