"""Is a confirmed score what the setting is worth? Held against 100,000 rows that nobody has seen."""

import json

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_friedman1, make_moons

import datasets
import dlopt
from studies import Study, run
from studies.question.plan import planned
from studies.training.rows import Row

FRESH = 100_000
PROBLEMS = {
    "moons": (1_000, lambda n: make_moons(n, noise=0.3, random_state=1)),
    "hard": (
        3_000,
        lambda n: make_classification(
            n, 20, n_informative=10, n_redundant=4, n_classes=4, class_sep=0.8, flip_y=0.05, random_state=1
        ),
    ),
    "friedman1": (1_000, lambda n: make_friedman1(n, noise=1.0, random_state=1)),
}


def line(raw, scaled):
    """(mean, deviation) by which columns were scaled: both hold the same rows, in different orders."""
    raw, scaled = np.sort(raw, axis=0), np.sort(scaled, axis=0)
    deviation = (raw[-1] - raw[0]) / (scaled[-1] - scaled[0])
    return raw[0] - deviation * scaled[0], deviation


def truth(block, training, X, y, fresh):
    """The error of a trained network on rows that no block holds, in the block's own units."""
    mean, deviation = line(X, np.concatenate([block.X_train, block.X_validation, block.X_test]))
    predicted = training.predict((fresh[0] - mean) / deviation)
    if block.n_classes:
        return np.mean(predicted != fresh[1])
    mean, deviation = line(y, np.concatenate([block.y_train, block.y_validation, block.y_test]))
    return np.sqrt(np.mean((predicted - (fresh[1] - mean) / deviation) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_confirmed_score_is_what_the_setting_is_worth_on_fresh_rows(name, tmp_path):
    rows, make = PROBLEMS[name]
    X, y = make(rows + FRESH)  # shuffled by the generator
    known, fresh = (X[:rows], y[:rows]), (X[rows:], y[rows:])
    table = datasets.from_arrays(*known, name=f"{name}-known")
    study = Study("optimism", ("sgd", "momentum", "adam"), (table,), blocks=8, draws=8, epochs=20)
    done = run(study, out=tmp_path / "run", jobs=1)
    pick, confirmed = done.table("picks").iloc[0], done.table("confirmations").query("what == 'pick'")
    plan = planned(study.settled())
    (facts,) = plan.facts.values()
    settings = tuple(json.loads(pick.settings).items())
    off = []
    for one in confirmed.itertuples():
        block = facts.data.block(one.block, seed=0)
        row = Row(
            one.dataset,
            one.block,
            pick.optimizer,
            "confirm",
            0,
            pick.batch_size,
            pick.decay,
            settings,
            pick.optimizer,
        )
        given = plan.budgets[facts.name]
        how = {"batch_size": int(pick.batch_size), "epochs": given.epochs, "progress": False}
        training = dlopt.train(given.model, block, row.make(), **how)
        assert training.test_errors[0] == one.test_error
        off.append(one.test_error - truth(block, training, *known, fresh))
    # Test parts of one table overlap, so its blocks err together: by what rows of its size can.
    spread = np.std(off, ddof=1)
    assert abs(np.mean(off)) < 3 * spread / np.sqrt(5), (
        np.mean(off),
        spread,
    )  # each row is tested in a fifth
