"""Each published finding: planted where it holds, where it fails, and where nobody can tell."""

import itertools

import numpy as np
import pandas as pd
import pytest

from studies.analysis import literature as module
from studies.analysis.literature import FAILS, FINDINGS, HOLDS, OPEN, PARTLY, literature
from studies.folder.schema.tables import TABLES
from studies.question.arm import FULL, Arm
from studies.question.study import Study
from tests.support.planted import Optimizer, compared, study

SETS = ("wine", "moons")
FLOORS = dict.fromkeys(SETS, 1e-3)
SCHMIDT, ZHANG, CHOI, SIVAPRASAD = FINDINGS


def asked(optimizers, edit=lambda rows: None, blocks=20, arms=None, draws=16):
    """The table of a planted study; optimizers: name → what it is."""
    rows, curves = study(optimizers, SETS, blocks, draws=draws)
    edit(rows)
    made = compared(rows, curves, list(optimizers), SETS)
    question = Study("planted", tuple(arms or optimizers), SETS, blocks=blocks, draws=draws)
    return literature(question, rows, made.read, made.ratios, FLOORS)


def verdict(table, source):
    (answer,) = table[table.source == source].answer.unique()
    return answer


def test_only_what_the_arms_allow_is_asked():
    assert asked(dict.fromkeys(["sgd"], Optimizer())).empty
    table = asked(dict.fromkeys(["sgd", "adam"], Optimizer()))
    assert list(table.columns) == list(TABLES["literature"].columns)
    assert table.empty
    four = dict.fromkeys(["sgd", "momentum", "rmsprop", "adam"], Optimizer())
    assert set(asked(four).source) == {SCHMIDT, CHOI, SIVAPRASAD}
    fixed = [Arm("adam", name="adam", fixed=(("beta1", 0.5),)), "sgd", "momentum", "rmsprop"]
    assert set(asked(four, arms=fixed).source) == {CHOI}  # an arm with less to tune is not that optimizer


FOUR = dict.fromkeys(["sgd", "momentum", "rmsprop", "adam"], Optimizer())


@pytest.mark.parametrize(("error", "expected"), [(0.05, HOLDS), (0.5, FAILS)])
def test_defaults_are_as_good_as_tuning_where_they_are(error, expected):
    def edit(rows):
        rows.loc[rows.kind == "untuned", "test_error"] = error

    assert verdict(asked(FOUR, edit), SCHMIDT) == expected


def test_defaults_that_lie_around_the_tuned_one_decide_nothing():
    def edit(rows):
        untuned = rows.kind == "untuned"
        rng = np.random.default_rng(0)
        rows.loc[untuned, "test_error"] = 0.15 + rng.normal(0, 0.1, untuned.sum())

    assert verdict(asked(FOUR, edit), SCHMIDT) == OPEN


def test_the_best_of_the_defaults_is_chosen_on_validation_data():
    def edit(rows):
        untuned = rows.kind == "untuned"
        rows.loc[untuned, "test_error"] = np.where(rows.optimizer[untuned] == "sgd", 0.01, 0.9)
        rows.loc[untuned, "best_validation_loss"] = np.where(rows.optimizer[untuned] == "sgd", 0.5, 0.4)

    assert verdict(asked(FOUR, edit), SCHMIDT) == FAILS  # SGD's is best on test, and nobody may know


def by_size(**speeds):
    names = {f"{name}-batch-{size or 'full'}": (name, size) for name, size in PAIRS}
    arms = [Arm(name, name=arm, batch_sizes=(size,)) for arm, (name, size) in names.items()]
    return asked(
        {arm.name: Optimizer(speed=speeds.get(arm.name.replace("-", "_"), 1.0)) for arm in arms}, arms=arms
    )


PAIRS = list(itertools.product(["sgd", "momentum"], [16, FULL]))


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ({"momentum_batch_full": 6.0}, HOLDS),
        ({"momentum_batch_full": 6.0, "momentum_batch_16": 6.0}, FAILS),
        ({"momentum_batch_16": 6.0}, FAILS),
        ({}, OPEN),
    ],
)
def test_momentum_helps_at_the_size_where_it_was_planted(speeds, expected):
    table = by_size(**speeds)
    assert set(table.source) == {ZHANG}
    assert verdict(table, ZHANG) == expected
    assert table.what.tolist() == ["Momentum / SGD, batch 16", "Momentum / SGD, the full batch"]


def test_a_general_method_that_loses_is_found():
    worse = asked(FOUR | {"momentum": Optimizer(worse=0.3)})
    assert verdict(worse, CHOI) == FAILS
    lines = worse[worse.source == CHOI].set_index("what").verdict
    assert lines["Momentum − SGD"] == "worse"
    assert lines["Adam − Momentum"] == "better"
    assert verdict(asked(FOUR | {"sgd": Optimizer(worse=0.3)}), CHOI) in (HOLDS, PARTLY)
    assert verdict(asked(FOUR), CHOI) in (OPEN, HOLDS)


def test_adam_is_the_choice_at_small_budgets_where_it_is_best():
    best = {name: Optimizer(worse=0.3) for name in FOUR} | {"adam": Optimizer()}
    found = asked(best)
    assert verdict(found, SIVAPRASAD) == HOLDS
    # 12 comparisons of 40 blocks in two datasets, all won: Holm's first step multiplies by 12
    assert found[found.source == SIVAPRASAD].p_holm.min() == pytest.approx(12 * 2.0**-39)
    assert verdict(asked(FOUR | {"sgd": Optimizer(worse=-0.1)}), SIVAPRASAD) == FAILS
    table = asked(FOUR, draws=4)
    assert table[table.source == SIVAPRASAD].what.str.contains("budget of [48]").sum() == 0


def test_failures_are_told_and_nothing_holds_in_spite_of_them():
    def edit(rows):
        rows.loc[(rows.optimizer == "sgd") & (rows.block < 3) & (rows.kind == "search"), "test_error"] = (
            np.inf
        )

    table = asked(FOUR | {"sgd": Optimizer(worse=-0.1)}, edit)
    lines = table[table.what == "Momentum − SGD"]
    assert lines.failed.tolist() == [6]
    assert lines.answer.tolist() != [HOLDS]
    assert (table.blocks == 40).all()


def test_effects_that_turn_with_the_dataset_cancel():
    def edit(rows):
        wine = (rows.dataset == "wine") & (rows.optimizer == "momentum")
        rows.loc[wine, "test_error"] += 0.5
        rows.loc[(rows.dataset == "moons") & (rows.optimizer == "momentum"), "test_error"] -= 0.1

    (call,) = asked(FOUR, edit).query("what == 'Momentum − SGD'").verdict
    assert call == "not decided"


def test_one_line_decides_each_finding():
    table = asked(FOUR | {"momentum": Optimizer(worse=0.3)})
    assert (table.groupby("source").decides.sum() == 1).all()
    (decisive,) = table[(table.source == CHOI) & table.decides].what
    assert decisive == "Momentum − SGD"


def test_a_run_where_nothing_is_finite_still_has_its_table():
    def edit(rows):
        rows.loc[rows.dataset == "wine", "test_error"] = np.inf

    table = asked(FOUR, edit)
    assert len(table) > 10
    assert table.p_holm.between(0, 1).all()


def test_an_arm_with_a_fixed_beta_is_no_momentum():
    names = {f"{name}-batch-{size or 'full'}": (name, size) for name, size in PAIRS}
    arms = [
        Arm(name, name=arm, batch_sizes=(size,), fixed=(("beta", 0.5),) if name == "momentum" else ())
        for arm, (name, size) in names.items()
    ]
    assert asked({arm.name: Optimizer() for arm in arms}, arms=arms).empty


def test_every_answer_is_one_of_four():
    for question in FINDINGS.values():
        lines = pd.DataFrame(
            {
                "what": ["Adam − SGD, a budget of 1"] * 2,
                "estimate": 0.0,
                "low": -9.0,
                "high": 9.0,
                "verdict": "not decided",
                "p_holm": 1.0,
                "failed": 0,
            }
        )
        assert question.answer(lines)[0] == OPEN
    assert module.BUDGETS == (1, 2, 4, 8)
