"""Whatever is given by Python, to studies, arms and the core, ends in an answer or in words."""

import json

import numpy as np
import pytest

import dlopt
from studies import Arm, Study
from studies.question import identity
from tests.support.hostile import X, Y, changed, hostile, sweep


def study(rng, _):
    usual = {
        "name": "mine",
        "optimizers": ("sgd",),
        "datasets": ("wine",),
        "blocks": 3,
        "draws": 2,
        "fresh": 2,
    }
    usual |= {"epochs": 2, "seed": 0, "widths": (4,), "activation": "relu", "init": "he"}
    usual |= {"weight_decay": 0.0, "metric": "error", "claims": False, "about": ""}
    made = Study(**changed(rng, usual))
    json.dumps([identity.question(made), identity.growing(made)])
    return hash(made)


def arm(rng, _):
    usual = {"optimizer": "adam", "name": "mine", "decay": "none", "batch_sizes": (8,), "file": ""}
    usual |= {"fixed": {"beta1": 0.9}, "search": {"lr": (1e-4, 1e-1)}, "sampler": "random"}
    if rng.random() < 0.3:
        usual["search"] = {"lr": [hostile(rng), hostile(rng)][: rng.randrange(3)]}
    if rng.random() < 0.3:
        usual["fixed"] = {"beta1": hostile(rng)}
    made = Arm(**changed(rng, usual, 1))
    json.dumps(made.spec())
    return hash(made), made.title, made.order


def fields(rng, _):
    kind = rng.choice([*dlopt.OPTIMIZERS.values(), *dlopt.SCHEDULES.values()])
    names = [
        *dlopt.hyperparameters.declared(kind),
        *(["schedule"] if "lr" in dlopt.hyperparameters.declared(kind) else []),
    ]
    made = kind(**{name: hostile(rng) for name in names if rng.random() < 0.5})
    repr(made)
    with np.errstate(all="ignore"):  # as in training
        if isinstance(made, dlopt.Optimizer):
            made.step(np.ones((made.rows, 2)), np.ones((made.rows, 2)))
        else:
            made.factor(3)


PARTS = ("train", "validation", "test")


def squares(params, X, y):
    return np.mean((np.matmul(params[:, None], X.T)[:, 0] - y) ** 2, axis=1)


def slope(params, X, y):
    away = np.matmul(params[:, None], X.T)[:, 0] - y
    return (2 * np.matmul(away[:, None], X)[:, 0] / len(X)).astype(params.dtype)


class Middle:
    """A trial that takes the middle of a range."""

    def suggest_float(self, name, low, high, *, log):
        return (low * high) ** 0.5


def train(rng, _):
    data = {f"{letter}_{part}": {"X": X, "y": Y}[letter] for part in PARTS for letter in "Xy"}
    data |= {"n_classes": rng.choice([0, 2]), "seed": 0}
    problem = {"loss": squares, "gradient": slope, "start": np.zeros(3), "error": None, "predict": None}
    network = {"activation": "relu", "init": "he", "weight_decay": 0.0}
    usual = {"optimizers": [dlopt.Adam()], "batch_size": 4, "epochs": 2, "dtype": "f4", "progress": False}
    which = rng.choice(["data", "data", "problem", "network", "model", "block", "how", "suggest", "predict"])
    model = dlopt.MLP(*rng.choice([(), (4,)]))
    if rng.random() < 0.4:
        given = changed(rng, problem) if which == "problem" else problem
        if any(callable(given[name]) and given[name] is not problem[name] for name in given):
            return  # what somebody's function raises is theirs
        model = dlopt.Problem(**given)
    elif which == "network":
        widths = [hostile(rng) for _ in range(rng.randrange(3))]
        model = dlopt.MLP(*widths, **changed(rng, network)) if rng.random() < 0.5 else dlopt.MLP(hostile(rng))
    if which == "model":
        model = hostile(rng)
    if which == "suggest":
        given = {"trial": Middle(), "optimizer": dlopt.Adam, "schedule": dlopt.Cosine}
        given |= {"search": {"lr": (0.1, 1.0)}, "beta1": 0.9, "epochs": 3}
        dlopt.suggest(**changed(rng, given))
        return
    block = dlopt.Split(**(changed(rng, data) if which == "data" else data))
    if which == "block":
        block = rng.choice([hostile(rng), [block, hostile(rng)], [block, block]])
    how = changed(rng, usual) if which == "how" else usual
    how["progress"] = None if callable(how["progress"]) else how["progress"]
    run = dlopt.train(model, block, how.pop("optimizers"), **how)
    if which == "predict":
        run.predict(hostile(rng), rng.choice([0, hostile(rng)]))


INPUTS = {study: 400, arm: 400, fields: 350, train: 600}  # how many of each kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.__name__)
def test_whatever_is_given_ends_in_an_answer_or_in_words(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = sweep(kind, range(INPUTS[kind]), tmp_path, own=(squares, slope))
    assert not found, "\n".join(f"{kind.__name__} {number}: {said}" for number, said in found.items())
