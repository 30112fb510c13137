"""Optimizers of torch and optax in the suite: they walk our own ones' curves, and repeat in a study.

In .venv-peers: make test-peers. Refusals that need neither library: tests/studies/question/test_foreign.py.
"""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import datasets
import dlopt
from dlopt import MLP, Cosine, train
from dlopt.testing import LAYERS, problems
from studies import Arm, Study, run
from studies.cli.entry import main
from studies.errors import UsageError
from studies.folder.read import read_table
from studies.question import foreign, user_optimizer
from studies.takehome import FRAMEWORKS
from studies.takehome.code import code

RATES = [1e-3, 1e-2]
PAIRS = {  # ours, theirs, and how theirs is told to be the same
    "torch:torch.optim.SGD(momentum=0.83)": (dlopt.HeavyBall(lr=RATES, beta=0.83), {}),
    "torch:torch.optim.Adam": (dlopt.Adam(lr=RATES, beta1=0.8, eps=1e-6), {"beta1": 0.8, "eps": 1e-6}),
    "torch:torch.optim.RMSprop(alpha=0.95)": (dlopt.RMSprop(lr=RATES, rho=0.95, eps=1e-8), {}),
    "torch:torch.optim.NAdam": (dlopt.NAdam(lr=RATES), {}),
    "torch:torch.optim.Adafactor": (dlopt.Adafactor(lr=RATES), {}),
    "optax:optax.sgd(momentum=0.83)": (dlopt.HeavyBall(lr=RATES, beta=0.83), {}),
    "optax:optax.adam(b1=0.8)": (dlopt.Adam(lr=RATES, beta1=0.8, eps=1e-6), {"eps": 1e-6}),
    "optax:optax.rmsprop(eps_in_sqrt=False)": (dlopt.RMSprop(lr=RATES, rho=0.95, eps=1e-8), {"decay": 0.95}),
    "optax:optax.lion": (dlopt.Lion(lr=[1e-4, 1e-3], weight_decay=0.02), {"weight_decay": 0.02}),
    "optax:optax.lamb": (dlopt.LAMB(lr=RATES, weight_decay=0.1), {"weight_decay": 0.1}),
    "optax:optax.contrib.schedule_free_sgd": (dlopt.ScheduleFreeSGD(lr=RATES), {}),
}
TINY = {"datasets": ("wine",), "blocks": 4, "draws": 2, "epochs": 2, "fresh": 2}
TWO = ("torch:torch.optim.NAdam(decoupled_weight_decay=True)", "optax:optax.contrib.dadapt_adamw")


@pytest.fixture(scope="module")
def block():
    return datasets.load("wine").block(0)


def curves(block, optimizer, **how):
    trained = train(MLP(5), block, optimizer, batch_size=32, epochs=15, **how)
    assert np.ptp(trained.curves.validation_loss, axis=0).min() > 1e-3  # it went somewhere
    return trained.curves.validation_loss


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("text", PAIRS)
@pytest.mark.filterwarnings("ignore:.*runs in NumPy")
def test_ours_and_theirs_give_the_same_curves(text, engine, block):
    ours, more = PAIRS[text]
    theirs = foreign.kind(text)(lr=ours.lr, **more)
    np.testing.assert_allclose(
        curves(block, theirs, engine=engine), curves(block, ours, engine=engine), rtol=1e-4, atol=1e-6
    )
    exact = [curves(block, one, engine="numpy", dtype=np.float64) for one in (theirs, ours)]
    near = 1e-7 if "NAdam" in text else 1e-9  # torch has the product of its μ in float32
    np.testing.assert_allclose(*exact, rtol=near, atol=1e-12)


@pytest.mark.parametrize("text", ["torch:torch.optim.Adam", "optax:optax.adam"])
def test_rows_are_apart_and_follow_their_schedules(text, block):
    kind = foreign.kind(text)
    schedules = [Cosine(epochs=15), dlopt.Exponential(gamma=0.9)]
    together = curves(block, kind(lr=RATES, schedule=schedules), engine="numpy")
    for row, (lr, schedule) in enumerate(zip(RATES, schedules, strict=True)):
        alone = curves(block, kind(lr=lr, schedule=schedule), engine="numpy")
        assert together[:, row].tobytes() == alone[:, 0].tobytes()
    ours = curves(block, dlopt.Adam(lr=RATES, schedule=schedules), engine="numpy")
    np.testing.assert_allclose(together, ours, rtol=1e-4, atol=1e-6)


def test_each_layer_is_a_weight_and_a_bias():
    """A norm per tensor tells them apart: Adafactor's step is of RMS 1 in each."""
    kind, rng = foreign.kind("torch:torch.optim.Adafactor"), np.random.default_rng(0)
    start = rng.normal(size=23)
    step = start - kind(lr=0.1).step(start, rng.normal(size=23), layers=LAYERS)[0]
    for _, where, shape in LAYERS:
        matrix, before = step[where].reshape(shape), start[where].reshape(shape)
        for part in (np.s_[:, :-1], np.s_[:, -1]):
            scale = max(1e-3, np.sqrt(np.mean(before[part] ** 2)))  # relative to what it moves
            assert np.sqrt(np.mean(matrix[part] ** 2)) <= 0.1 * scale * (1 + 1e-9)
            assert np.all(matrix[part] != 0)


def test_a_library_of_somebody_s_own(tmp_path, monkeypatch):
    """One that is read elsewhere than where it moves: by train() and eval(), as those free of schedules."""
    (tmp_path / "halves.py").write_text(
        "import torch\n\n\nclass Halves(torch.optim.SGD):\n"
        "    def train(self): pass\n\n    def eval(self):\n"
        "        for group in self.param_groups:\n            for p in group['params']:\n"
        "                p.data = p.data / 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    kind = foreign.kind("torch:halves.Halves(weight_decay=0.0)")
    assert not problems(foreign.kind("torch:halves.Halves", plain=True), but=foreign.THEIRS)
    plain, state = dlopt.SGD(lr=0.1), None
    optimizer, params = kind(lr=0.1), np.ones(4)
    for _ in range(3):
        params, state = optimizer.step(params, params, state)
        np.testing.assert_array_equal(optimizer.seen(params, state), params / 2)
    assert plain.step(params, params)[0].tobytes() == optimizer.step(params, params, state)[0].tobytes()
    assert user_optimizer.called("torch:halves.Halves") == "halves-halves"
    assert len(user_optimizer.source("torch:halves.Halves").split()[-1]) == 64  # pip knows no version of it


@pytest.mark.parametrize(
    ("text", "why", "remedy"),
    [
        ("torch:torch.optim.LBFGS", "closure", "one gradient"),
        ("torch:torch.optim.SparseAdam", "dense gradients", "one gradient"),
        ("optax:optax.contrib.momo", "'value'", "one gradient"),
        ("torch:torch.optim.NAdm", "has no class of torch.optim.Optimizer's that is named 'NAdm'", "NAdam"),
        ("torch:torch.nn.Linear", "has no class of", "documentation"),
        ("optax:optax.lionn", "has no function of a learning_rate", "lion"),
        ("torch:torch.optim.SGD(momentm=0.9)", "has no 'momentm'", "momentum"),
        ("torch:torch.optimm.SGD", "torch.optimm cannot be imported", "documentation"),
        ("torch:torch.optim.SGD(nesterov=True)", "Nesterov momentum requires", "one gradient"),
    ],
)
def test_what_cannot_train_is_refused_in_words(text, why, remedy):
    with pytest.raises(UsageError) as told:
        Arm(text).found()
    sentence, second = str(told.value).split("\n")
    assert why in sentence
    assert remedy in second


def test_its_numbers_are_hyperparameters():
    arm = Arm(
        "mine=torch:torch.optim.AdamW(betas=(0.8, 0.99), amsgrad=True)",
        fixed={"weight_decay": 0.1},
        search={"beta2": (0.9, 0.999)},
    ).found()
    assert (arm.name, arm.title) == ("mine", "AdamW (mine) · weight_decay 0.1")
    assert arm.source.startswith("torch.optim.AdamW(betas=(0.8, 0.99), amsgrad=True), torch ")
    assert [name for name, (_, ends) in arm.ranges("none").items()] == ["lr", "beta2"]
    optimizer = arm.kind(lr=0.1, beta2=[0.9, 0.99], weight_decay=0.1)
    state = optimizer.new_state(np.ones((2, 3)))
    first, second = (row.optimizer.param_groups[0] for row in state.theirs)
    assert (first["betas"], second["betas"]) == ((0.8, 0.9), (0.8, 0.99))
    assert (first["lr"], first["weight_decay"], first["amsgrad"]) == (0.1, 0.1, True)
    with pytest.raises(UsageError, match=r"AdamW has no 'beta'"):
        Arm("torch:torch.optim.AdamW", fixed={"beta": 0.1}).found()


def test_a_study_is_resumed_and_repeats_byte_for_byte(tmp_path, capsys):
    first = run(Study("mine", ("sgd", *TWO), **TINY), out=tmp_path / "one", jobs=2)
    run(Study("mine", ("sgd", TWO[0]), **TINY), out=tmp_path / "two", jobs=1)
    grown = run(Study("mine", ("sgd", *TWO), **TINY), out=tmp_path / "two", jobs=2)
    assert grown.trained < first.trained
    for name in ("rows", "curves", "picks", "comparisons", "optimizers"):
        pd.testing.assert_frame_equal(first.table(name), grown.table(name))
    assert run(Study("mine", ("sgd", *TWO), **TINY), out=tmp_path / "one", jobs=1).trained == 0
    titles = first.table("optimizers").set_index("optimizer")
    assert titles.title["torch-nadam"] == "NAdam (torch)"
    assert titles.title["optax-dadapt_adamw"] == "dadapt_adamw (optax)"
    assert titles.source["torch-nadam"] == f"{TWO[0].partition(':')[2]}, torch {torch.__version__}"
    out = str(tmp_path / "one")
    for name in ("torch-nadam", "optax-dadapt_adamw"):
        assert main(["replay", out, f"wine/1/{name}/search/1"]) == 0
        assert "the same bytes" in capsys.readouterr().out
    assert main(["run", "--out", out]) == 0
    assert "nothing was left to train" in capsys.readouterr().out


def test_another_argument_trains_its_rows_again(tmp_path):
    study = Study("mine", ("sgd", "torch:torch.optim.Adam"), **TINY)
    before = run(study, out=tmp_path / "run", jobs=1)
    other = Study("mine", ("sgd", "torch:torch.optim.Adam(amsgrad=True)"), **TINY)
    again = run(other, out=tmp_path / "run", jobs=1)
    assert 0 < again.trained < before.trained
    assert set(read_table(tmp_path / "run", "rows").optimizer) == {"sgd", "torch-adam"}


def test_the_command_line_says_what_is_slower_and_takes_it_home(tmp_path, capsys):
    out = str(tmp_path / "run")
    words = ["run", "quick", "--datasets", "wine", "--blocks", "2", "--trials", "2", "--epochs", "3"]
    words += ["--optimizers", "sgd", "--optimizer", "torch:torch.optim.NAdam", "--out", out, "--jobs", "1"]
    config = tmp_path / "more.toml"
    config.write_text(
        'optimizer = ["free=optax:optax.lion(b1=0.95)"]\n[search.optax-lion]\nb2 = [0.9, 0.99]\n'
    )
    words += ["--search", "torch-nadam.beta1=0.8:0.99"]
    assert main([*words, "--dry-run"]) == 0
    assert main(words) == 0
    said = capsys.readouterr()
    assert "Slower than dlopt's own, being other libraries': torch-nadam." in said.err
    settings = [
        json.loads(one)
        for one in read_table(tmp_path / "run", "rows").query("optimizer == 'torch-nadam'").settings
    ]
    assert len({one["beta1"] for one in settings}) > 2
    assert all(0.8 <= one["beta1"] <= 0.99 for one in settings)
    assert main(["show", out, "--best", "--as", "torch"]) == 0
    words[words.index("--optimizer") : words.index("--out")] = ["--config", str(config)]
    assert main([*words[:-2], "--dry-run"]) == 0
    assert "trainings in" in capsys.readouterr().out
    assert main(["check", "torch:torch.optim.NAdam"]) == 0
    assert "NAdam can train here" in capsys.readouterr().out
    assert main(["describe", "torch:torch.optim.NAdam", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["hyperparameters"]][:3] == ["lr", "beta1", "beta2"]
    assert "slower" in told["about"]


@pytest.mark.parametrize("text", TWO)
def test_a_setting_is_code_of_its_own_library(text):
    kind = foreign.kind(text)
    settings = {name: getattr(kind(), name) for name in dlopt.hyperparameters.declared(kind)} | {"beta1": 0.7}
    how = (kind, settings, "none", 32, 20, MLP(8), "regression", 200)
    for framework in FRAMEWORKS:
        made = code(*how, framework)
        if framework == kind.call.library:
            rng = np.random.default_rng(0)
            X = rng.standard_normal((200, 3))
            space = {"X_train": X, "y_train": X[:, 0]}
            exec(made.text, space)
            assert "betas=(0.7, 0.999)" in made.text
        elif framework == "json":
            assert json.loads(made.text)["optimizer"] == {"name": text, **settings}
        else:
            assert made.text == ""
            assert f"and trains where that does: {kind.call.path}(" in made.notes
