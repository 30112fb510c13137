"""Picks as code: it compiles, says what it converts, and what can run here gives our own results."""

import ast
import itertools
import json
import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network._multilayer_perceptron as sklearns
from sklearn.exceptions import ConvergenceWarning

import datasets
import dlopt
from dlopt import hyperparameters
from dlopt.activations import ACTIVATIONS
from dlopt.models import INITS
from studies.analysis.picks import pick
from studies.question.arm import Arm, fits
from studies.question.plan import planned
from studies.takehome import FRAMEWORKS
from studies.takehome.code import code, takehome
from studies.training.rows import Row
from tests.support.tiny import TINY, tiny

DECAYS = ["none", *(name for name in dlopt.SCHEDULES if name != "constant")]
OTHERS = ("lookaheadadam", "samsgd", "muon", "ademamix")  # a count, two gradients, layers, many numbers
KINDS = {
    name: kind
    for name, kind in dlopt.OPTIMIZERS.items()
    if name in (*dlopt.DEFAULT, *OTHERS) or vars(kind).get("equivalents")
}
NETWORK = dlopt.MLP(7, 5)
SAID_BY_SKLEARN = {"sgd", "momentum", "heavyball", "nesterov", "adam"}
each = pytest.mark.parametrize("name", KINDS)
each_pair = pytest.mark.parametrize(
    ("name", "decay"),
    [(name, decay) for name, kind in KINDS.items() for decay in DECAYS if fits(kind, decay)],
)


def settings_of(*kinds):
    """Numbers of 17 digits, each its own; all of them legal."""
    fields = [pair for kind in kinds for pair in hyperparameters.declared(kind).items()]
    settings = {}
    for i, (name, field) in enumerate(fields):
        settings[name] = i + 2.0 if field.whole else (-1 if field.high == 0 else 1) * (1 / 3 + i / 70)
    return settings


def said(name, framework, decay="none", task="classification", model=NETWORK, **changes):
    schedules = [] if decay == "none" else [dlopt.SCHEDULES[decay]]
    settings = settings_of(KINDS[name], *schedules) | changes
    return code(KINDS[name], settings, decay, 24, 6, model, task, 97, framework), settings


@each_pair
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_code_compiles_and_its_numbers_read_back(name, decay, task):
    for framework in set(FRAMEWORKS) - {"json"}:
        (text, notes), settings = said(name, framework, decay, task)
        if framework != "dlopt" and framework not in vars(KINDS[name]).get("equivalents", {}):
            assert text == ""
            assert KINDS[name].__name__ in notes
            continue
        if decay != "none" and framework != "dlopt" and not dlopt.SCHEDULES[decay].python:
            assert text == ""
            assert dlopt.SCHEDULES[decay].__name__ in notes
            continue
        if framework == "sklearn" and (decay != "none" or name not in SAID_BY_SKLEARN):
            assert text == ""
            assert re.fullmatch(r"scikit-learn's networks have no [^.]+\.", notes)
            continue
        compile(text, framework, "exec")
        numbers = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        assert {abs(value) for value in settings.values()} | {24, 6, 7, 5} <= set(numbers)
        assert max(map(len, text.splitlines())) <= 110


@each_pair
def test_json_holds_the_whole_setting(name, decay):
    (text, _), settings = said(name, "json", decay)
    found = json.loads(text)
    optimizer, schedule = found.pop("optimizer"), found.pop("schedule") or {"name": "none"}
    assert (optimizer.pop("name"), schedule.pop("name")) == (name, decay)
    assert optimizer | schedule == settings
    network = {"widths": [7, 5], "activation": "relu", "init": "he", "weight_decay": 0.0}
    shape = {"batch_size": 24, "epochs": 6, "network": network, "task": "classification"}
    assert found == {**shape, "training_rows": 97}


@pytest.mark.parametrize("decay", [name for name in DECAYS[1:] if dlopt.SCHEDULES[name].python])
@pytest.mark.parametrize("framework", ["torch", "optax"])
def test_the_learning_rate_falls_as_the_schedule_says(decay, framework):
    (text, _), settings = said("sgd", framework, decay, epochs=9.0, every=4.0, power=1.7)
    schedule = dlopt.SCHEDULES[decay]
    if decay == "exponential":
        assert re.search(rf"gamma(=| = jnp.asarray\(){settings['gamma']!r}", text)
        return
    function = next(node for node in ast.parse(text).body if getattr(node, "name", "") == "factor")
    space = {"math": math}
    exec(ast.unparse(function), space)
    ours = schedule(**{name: settings[name] for name in hyperparameters.declared(schedule)})
    for epoch in range(12):
        assert space["factor"](epoch) == pytest.approx(ours.factor(epoch), rel=1e-15, abs=1e-17)


@pytest.mark.parametrize(
    ("name", "framework", "holds"),
    [
        ("momentum", "torch", "lr·(1-β)"),
        ("momentum", "sklearn", "lr·(1-β)"),
        ("momentum", "optax", "without debiasing"),
        ("rmsprop", "optax", "ε inside the root"),
        ("adagrad", "optax", "starts its sum at .1"),
        ("adam", "sklearn", "uncorrected root"),
    ],
)
def test_what_differs_is_said_beside_the_code_and_in_it(name, framework, holds):
    (text, notes), _ = said(name, framework)
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    assert holds in notes
    assert holds in comments
    assert "last epoch" in notes
    assert "last epoch" in comments


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("init", sorted(INITS))
def test_every_network_has_code_in_the_other_libraries(activation, init):
    model = dlopt.MLP(7, activation=activation, init=init, weight_decay=0.02)
    for framework in ("torch", "optax", "dlopt", "json"):
        (text, _), _ = said("adam", framework, model=model)
        assert framework not in ("torch", "optax") or "+ 0.01 * sum(" in text  # half of it, times squares
        if framework != "json":
            compile(text, framework, "exec")
        else:
            assert dlopt.MLP(*(found := json.loads(text)["network"]).pop("widths"), **found) == model
        assert max(map(len, text.splitlines())) <= 110


# dlopt's own code


def run_of(text, block, seed):
    names = [f"{letter}_{part}" for letter in "Xy" for part in ("train", "validation", "test")]
    space = {name: getattr(block, name) for name in names}
    assert text.count("seed=0") == 1
    exec(text.replace("seed=0", f"seed={seed}"), space)
    return space["training"]


def test_the_code_for_dlopt_gives_the_confirmed_scores_to_the_bit(finished, capsys):
    picks, confirmed = (
        pd.read_parquet(finished / "tables" / f"{n}.parquet") for n in ("picks", "confirmations")
    )
    made = takehome(planned(tiny()), picks)
    assert list(made.columns) == ["dataset", "framework", "code", "notes"]
    assert list(zip(made.dataset, made.framework, strict=True)) == list(
        itertools.product(picks.dataset, FRAMEWORKS)
    )
    for line in made[made.framework == "dlopt"].itertuples():
        mine = (confirmed.dataset == line.dataset) & (confirmed.what == "pick")
        there = confirmed[mine].iloc[:3]
        for one in there.itertuples():
            block = datasets.load(one.dataset).block(one.block, seed=0)
            training = run_of(line.code, block, block.seed)
            assert training.test_errors[0] == one.test_error
            assert float(capsys.readouterr().out) == one.test_error


@each_pair
def test_the_code_for_dlopt_trains_what_a_run_trains(name, decay):
    (text, notes), settings = said(name, "dlopt", decay, model=dlopt.MLP())
    block = datasets.load("wine").block(2)
    row = Row("wine", 2, name, "confirm", 0, 24, decay, tuple(settings.items()), name)
    ours = dlopt.train(dlopt.MLP(), block, row.make(), batch_size=24, epochs=6)
    theirs = run_of(text, block, block.seed)
    assert np.array_equal(ours.curves.validation_loss, theirs.curves.validation_loss, equal_nan=True)
    assert notes == ""


MINE = '''"""Of my own."""

from __future__ import annotations

import numpy as np

from dlopt import Optimizer, decay, ewa, rate

POWER = 1.0


class Signer(Optimizer):
    """Sign of the averaged gradient."""

    lr: float = rate(1e-3, search=(1e-6, 1e-1))
    beta: float = decay(0.9, search=(5e-3, 1))
    state = ("mean",)

    def update(self, grad, state, lr):
        return lr * np.sign(ewa(state.mean, grad, self.beta)) ** POWER
'''


def test_an_optimizer_of_ones_own_goes_home_with_its_file(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    arm = Arm(str(tmp_path / "mine.py")).found()
    settings = {"lr": 0.003, "beta": 0.8, "gamma": 0.9}
    won = pd.DataFrame(
        {"batch_size": 24, "decay": "exponential", "settings": [json.dumps(settings)], "status": "ok"}
    )
    chosen = pick("wine", arm, won)
    study = tiny((str(tmp_path / "mine.py"), "sgd"), ("wine",)).found()
    picks = pd.DataFrame(
        [chosen._asdict() | {"optimizer": "signer", "settings": json.dumps(chosen.settings)}]
    )
    made = takehome(planned(study), picks).set_index("framework")
    (tmp_path / "mine.py").unlink()
    block = datasets.load("wine").block(1)
    made_here = run_of(made.code["dlopt"], block, block.seed)
    space = {}
    exec(MINE, space)
    mine = space["Signer"](
        lr=chosen.settings["lr"],
        beta=chosen.settings["beta"],
        schedule=dlopt.Exponential(gamma=chosen.settings["gamma"]),
    )
    ours = dlopt.train(dlopt.MLP(32), block, mine, batch_size=24, epochs=TINY["epochs"])
    assert np.array_equal(made_here.curves.validation_loss, ours.curves.validation_loss)
    for framework in ("torch", "optax", "sklearn"):
        assert made.code[framework] == ""
        assert made.notes[framework] == (
            "Signer is none of dlopt's own optimizers: there is code for dlopt alone."
        )
    assert json.loads(made.code["json"])["optimizer"]["name"] == "signer"


def test_an_installed_optimizer_is_imported():
    class Other(dlopt.SGD):
        pass

    Other.__module__ = "some.package"
    text = code(Other, {"lr": 0.1}, "none", 24, 6, dlopt.MLP(), "regression", 97, "dlopt").text
    assert text.startswith("from some.package import Other\n\nimport dlopt\n")
    assert "optimizer = Other(lr=0.1)" in text


# scikit-learn's

SKLEARN_CASES = [
    *((name, {}) for name in sorted(SAID_BY_SKLEARN)),
    ("sgd", {"activation": "tanh", "init": "glorot"}),
    ("nesterov", {"activation": "tanh", "weight_decay": 0.03}),
    ("adam", {"activation": "sigmoid", "weight_decay": 0.03, "init": "glorot"}),
]


@pytest.mark.parametrize(
    ("how", "lacks"),
    [({"activation": "gelu"}, "no gelu"), ({"init": "zero"}, "initial"), ({"init": "small"}, "initial")],
)
def test_a_network_that_scikit_learn_lacks_has_no_code_there(how, lacks):
    (text, notes), _ = said("sgd", "sklearn", model=dlopt.MLP(7, **how))
    assert text == ""
    assert lacks in notes


@pytest.mark.parametrize("classes", [4, 0], ids=["classes", "regression"])
@pytest.mark.parametrize(("name", "how"), SKLEARN_CASES)
def test_the_code_for_scikit_learn_walks_our_path(name, how, classes, monkeypatch):
    """As it is, with our initial weights and our batches, in float64; Adam with ε → 0."""
    rng, mlp = np.random.default_rng(0), dlopt.MLP(7, 5, **how)
    n = 96 if mlp.weight_decay else 97  # scikit-learn's penalty is greater in a smaller last batch
    X = rng.standard_normal((n, 5))
    scores = X @ rng.standard_normal((5, max(classes, 1)))
    y = scores.argmax(axis=1) if classes else scores[:, 0]
    task = "classification" if classes else "regression"
    (text, _), settings = said(name, "sklearn", task=task, model=mlp, lr=0.05, eps=1e-14)
    layers = mlp.layers(5, classes or 1)
    start = mlp.start(layers, np.random.default_rng([3, 0]))
    weights = iter([start[one.slice].reshape(one.shape) for one in layers])
    order = np.random.default_rng([3, 1])

    def initial(self, fan_in, fan_out, dtype):
        W = next(weights)
        assert W.shape == (fan_out, fan_in + 1)
        return W[:, :-1].T.copy(), W[:, -1].copy()

    monkeypatch.setattr(sklearns.BaseMultilayerPerceptron, "_init_coef", initial)
    monkeypatch.setattr(sklearns, "shuffle", lambda rows, random_state: order.permutation(n))
    space = {"X_train": X, "y_train": y}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of which the code's comment speaks
        exec(text, space)
    model = space["model"]
    assert (model.n_iter_, model.t_) == (6, 6 * n)  # it has not stopped early
    optimizer = KINDS[name](
        **{k: v for k, v in settings.items() if k in hyperparameters.declared(KINDS[name])}
    )
    split = dlopt.Split(X, y, X, y, X, y, n_classes=classes, seed=3)
    ours = dlopt.train(mlp, split, optimizer, batch_size=24, epochs=6, dtype=np.float64)
    if classes:
        theirs = -np.mean(np.log(model.predict_proba(X)[np.arange(n), y]))
    else:
        theirs = np.mean((model.predict(X) - y) ** 2) / 2
    assert theirs == pytest.approx(ours.curves.validation_loss[-1, 0], rel=1e-9)
    assert theirs < 0.9 * ours.curves.validation_loss[0, 0]
    assert model.loss_curve_[0] > model.loss_curve_[-1]


def test_scikit_learn_has_no_adam_without_epsilon():
    (text, notes), _ = said("adam", "sklearn", eps=0.0)
    assert (text, notes) == ("", "scikit-learn's Adam needs an ε above 0.")
