"""The pick of a dataset: who may become it, who does, and what it is held against."""

import functools
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlopt
from studies.analysis.alternatives import alternatives
from studies.analysis.candidates import candidates, choose
from studies.analysis.picks import winners
from studies.folder.schema.tables import TABLES
from studies.question.arm import Arm
from tests.support.planted import SETTINGS, Optimizer, compared, many, study

ARMS = {name: Arm(name) for name in dlopt.DEFAULT}


@pytest.fixture(scope="module")
def planted():
    """On c two are equal and rmsprop is worse."""
    optimizers = {"sgd": Optimizer(0.0), "adam": Optimizer(0.0), "rmsprop": Optimizer(0.3)}
    return compared(*study(optimizers, "cd", 8), optimizers, "cd")


@pytest.fixture(scope="module")
def made(planted):
    return candidates(planted.rows, planted.placed, ARMS, "c")


def test_candidates_are_medians_and_defaults_of_the_unbeaten_and_the_firsts_winners(planted, made):
    here = planted.placed[(planted.placed.reading == "error") & (planted.placed.scope == "c")]
    first, second, _ = here.sort_values("place").optimizer
    assert {first, second} == {"sgd", "adam"}
    assert planted.best("error", "c") == [first, second]
    whose = [(one.arm.name, one.what) for one in made]
    expected = [(first, "median of winners"), (first, "defaults"), *[(first, "winner")] * 8]
    assert whose == [*expected, (second, "median of winners"), (second, "defaults")]
    won = winners(planted.rows)
    mine = won[(won.dataset == "c") & (won.optimizer == first)]
    assert [one.settings for one in made[2:10]] == [json.loads(text) for text in mine.settings]
    assert [one.decay for one in made[2:10]] == mine.decay.tolist()
    assert made[1].settings == SETTINGS[first]


def test_a_first_place_that_somebody_beats_there_gives_no_candidate(planted):
    here = (planted.placed.reading == "error") & (planted.placed.scope == "c")
    beaten = planted.placed.assign(unbeaten=planted.placed.unbeaten & ~(here & (planted.placed.place == 1)))
    second = planted.placed[here & (planted.placed.place == 2)].optimizer.iloc[0]
    found = candidates(planted.rows, beaten, ARMS, "c")
    assert {one.arm.name for one in found} == {second}
    assert [one.what for one in found].count("winner") == 8


def test_no_two_candidates_of_an_optimizer_share_a_number(made):
    numbers = [(one.arm.name, one.number) for one in made]
    assert len(set(numbers)) == len(made)
    rows = [one.row(block, "choose") for one in made for block in (2_000_000, 2_000_001)]
    assert len({row.key for row in rows}) == 2 * len(made)


def test_adding_an_optimizer_renumbers_no_candidate_of_another(planted, made):
    rows, curves = study({"sgd": Optimizer(), "adam": Optimizer(), "nesterov": Optimizer(0.2)}, "c", 8)
    more = compared(rows, curves, ["sgd", "adam", "nesterov"], "c")
    again = candidates(more.rows, more.placed, ARMS, "c")
    before = {(one.arm.name, one.number): one.setting for one in made}
    for one in again:
        assert before.get((one.arm.name, one.number), one.setting) == one.setting


def scores(made, means, spread=0.0, blocks=20):
    noise = np.random.default_rng(0).normal(size=(len(made), blocks))
    noise -= noise.mean(axis=1, keepdims=True)
    return np.array(means)[:, None] + spread * noise


def test_the_lowest_mean_is_chosen_where_the_others_lie_clearly_behind(made):
    for lowest in range(len(made)):
        means = [0.2 + 0.1 * (i != lowest) for i in range(len(made))]
        chosen, table = choose(made, scores(made, means, 0.001))
        assert chosen == made[lowest]
        assert table.chosen.tolist() == [i == lowest for i in range(len(made))]
        assert table["mean"].tolist() == pytest.approx(means)
        assert list(table) == list(TABLES["candidates"].columns)


def test_what_is_as_near_as_its_own_noise_gives_way_to_defaults_and_then_to_medians(made):
    names = [one.what for one in made]
    means = [{"winner": 0.2, "median of winners": 0.201, "defaults": 0.202}[name] for name in names]
    chosen, table = choose(made, scores(made, means, 0.05))
    assert chosen.what == "defaults"
    assert (table.behind <= table.error)[table.chosen].all()
    means = [{"winner": 0.2, "median of winners": 0.201, "defaults": 0.9}[name] for name in names]
    assert choose(made, scores(made, means, 0.05))[0].what == "median of winners"


def test_a_candidate_that_diverges_once_is_never_chosen_while_another_does_not(made):
    means = [0.3] * len(made)
    errors = scores(made, means, 0.01)
    errors[:-1, 3] = np.inf
    chosen, table = choose(made, errors)
    assert chosen == made[-1]
    assert np.isinf(table["mean"][:-1]).all()


def test_where_all_diverge_somewhere_the_one_that_does_least_often_is_chosen(made):
    errors = scores(made, [0.3] * len(made), 0.01)
    errors[:, 3] = np.inf
    errors[:-1, 4] = np.inf
    assert choose(made, errors)[0] == made[-1]
    errors[-1] += 0.2  # however much worse elsewhere
    assert choose(made, errors)[0] == made[-1]


@many
@given(st.lists(st.floats(0, 1), min_size=10, max_size=10), st.integers(0, 9))
def test_choosing_looks_at_differences_alone(errors, shift):
    found = small()
    made = candidates(found.rows, found.placed, ARMS, "c")
    base = np.random.default_rng(shift).normal(size=(len(made), 10))
    moved = base + np.array(errors)  # the same for all candidates, block by block
    assert choose(made, base)[0] == choose(made, moved)[0]


@functools.cache
def small():
    optimizers = {"sgd": Optimizer(), "adam": Optimizer()}
    return compared(*study(optimizers, "c", 4), optimizers, "c")


# What stands beside it


def beside(pick, kind="classification", **others):
    """The table for one dataset from errors by block: defaults among the trained, all else fitted."""
    blocks = 1_000_000 + np.arange(len(pick))
    trained = {"pick": pick} | ({"defaults": others.pop("defaults")} if "defaults" in others else {})
    confirmed = pd.concat(
        pd.DataFrame({"dataset": "c", "what": name, "block": blocks, "test_error": errors})
        for name, errors in trained.items()
    )
    fitted = pd.concat(
        pd.DataFrame({"dataset": "c", "model": name.replace("_", " "), "block": blocks, "test_error": errors})
        for name, errors in others.items()
    )
    return alternatives(confirmed, fitted, {"c": kind}).set_index("model")


NOISE = np.random.default_rng(1).normal(size=20)
PICK = 0.2 + 0.02 * NOISE


def test_the_pick_is_recommended_where_nothing_is_called_better():
    table = beside(
        PICK,
        majority_class=np.full(20, 0.5),
        linear_model=PICK + 0.001 * NOISE[::-1],
        gradient_boosting=PICK + 0.1 * (NOISE[::-1] - NOISE[::-1].mean()),
        defaults=PICK + 0.1,
    )
    assert table.verdict.to_dict() == {
        "pick": "",
        "majority class": "pick",
        "linear model": "as good",
        "gradient boosting": "not decided",
        "defaults": "pick",
    }
    assert table.index[table.recommended].tolist() == ["pick"]


def test_what_is_called_better_is_recommended_and_of_several_the_lowest_mean():
    table = beside(
        PICK,
        majority_class=np.full(20, 0.5),
        linear_model=PICK - 0.05,
        gradient_boosting=PICK - 0.1,
        defaults=PICK - 0.02,
    )
    assert set(table.verdict[["linear model", "gradient boosting", "defaults"]]) == {"model"}
    assert table.index[table.recommended].tolist() == ["gradient boosting"]


def test_more_wins_by_chance_recommend_nothing():
    # german, 60 blocks: gradient boosting with the lower median at 24 wins to 32
    d = np.concatenate([np.full(24, 0.05), np.full(4, 0.0), np.full(32, -0.03)])
    pick = np.full(60, 0.3)
    table = beside(pick, majority_class=np.full(60, 0.5), gradient_boosting=pick - d)
    assert table.verdict["gradient boosting"] == "not decided"
    assert table.recommended["pick"]


def test_a_pick_no_better_than_the_majority_class_is_seen():
    table = beside(np.full(20, 0.1), majority_class=np.full(20, 0.1), linear_model=np.full(20, 0.3))
    assert table.verdict["majority class"] == "as good"


def test_holm_goes_over_the_models_of_a_dataset():
    d = np.where(np.arange(20) < 5, -0.1, 0.1)  # of equal sizes: 15 of 20
    one = beside(PICK, majority_class=PICK + d)
    three = beside(PICK, majority_class=PICK + d, linear_model=PICK + 1, gradient_boosting=PICK + 2)
    assert one.p_holm["majority class"] == one.p["majority class"] == three.p["majority class"]
    assert three.p_holm["majority class"] == three.p["majority class"]  # the least clear: the last step
    assert three.p_holm["linear model"] == pytest.approx(3 * three.p["linear model"])


def test_a_pick_that_fails_loses_its_block():
    failed = PICK.copy()
    failed[:18] = np.inf
    table = beside(failed, kind="regression", mean=np.full(20, 1.0), linear_model=PICK + 0.1)
    assert table.verdict["linear model"] == "model"
    assert table.index[table.recommended].tolist() == ["linear model"]


@pytest.mark.parametrize("order", list(itertools.permutations(["linear_model", "gradient_boosting"])))
def test_the_order_of_models_changes_nothing(order):
    errors = {"linear_model": PICK - 0.05, "gradient_boosting": PICK + 0.01}
    table = beside(PICK, **{name: errors[name] for name in order})
    assert table.verdict["linear model"] == "model"
    assert table.verdict["gradient boosting"] == "pick"
