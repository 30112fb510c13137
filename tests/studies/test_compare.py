"""Calls, rankings, picks and the audit on planted studies, whose answers are known."""

import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from planted import (
    SETTINGS,
    Optimizer,
    best_of_subsets,
    compared,
    copy_of,
    exact_sign_flip,
    frame,
    holm_by_closure,
    middle_coverage,
    midranks,
    row,
    search,
    study,
)
from scipy import stats

import dlopt
from studies import compare, readings, statistics
from studies.arms import Arm
from studies.audit import audit
from studies.compare import Scores
from studies.protocol import pick, winners
from studies.schema import TABLES

INF = math.inf
COLUMNS = list(TABLES["comparisons"].columns)

ARMS = {name: Arm(name) for name in dlopt.OPTIMIZERS}


def scored(d, reading="error"):
    """Differences (pairs, datasets, blocks) as scores of as many optimizers as their pairs need."""
    d = np.asarray(d, float)
    count = next(k for k in range(2, 99) if k * (k - 1) // 2 == len(d))
    names = list("abcdefgh"[:count])
    datasets = [f"d{i}" for i in range(d.shape[1])]
    return Scores(reading, list(itertools.combinations(names, 2)), datasets, d), names


def calls_of(d, reading="error", task="classification"):
    """The comparisons of differences."""
    scores, _ = scored(d, reading)
    return compare.comparisons(scores, dict.fromkeys(scores.datasets, task), 0)


# An optimizer and its copy


@pytest.fixture(scope="module")
def copied():
    """Sgd, and its rows again under another name and in another order."""
    rows, curves = study({"sgd": Optimizer(failing=(3,))}, "cd", 12)
    rows, curves = copy_of(rows, curves, "sgd", "adam")
    return compared(rows, curves, ["sgd", "adam"], "cd")


def test_a_copy_has_no_difference_in_any_block(copied):
    for scores in copied.scores.values():
        assert not scores.d.any()


def test_a_copy_is_tied_everywhere(copied):
    calls = copied.calls
    assert len(calls) == 6
    assert calls.call.tolist() == ["tied"] * 6
    assert calls.p.tolist() == calls.p_holm.tolist() == [1.0] * 6
    assert calls[["estimate", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]] * 6
    assert (calls.ties == calls.blocks).all()
    assert calls.equivalent.all()
    for reading, scope in itertools.product(("error", "ratio"), ("pooled", "c", "d")):
        assert set(copied.best(reading, scope)) == {"sgd", "adam"}
    assert copied.placed.mean_rank.tolist() == [1.5] * 12


# A better one


@pytest.fixture(scope="module")
def planted_better():
    """Adam wins every block by a margin in both readings; sgd and rmsprop differ by chance."""
    optimizers = {"sgd": Optimizer(0.2), "adam": Optimizer(0, 4), "rmsprop": Optimizer(0.2)}
    rows, curves = study(optimizers, "cd", 20)
    return compared(rows, curves, optimizers, "cd")


@pytest.mark.parametrize("reading", ["error", "ratio"])
@pytest.mark.parametrize("scope", ["pooled", "c", "d"])
def test_the_better_one_is_called_in_the_right_direction(planted_better, reading, scope):
    first = planted_better.call(reading, scope, "sgd", "adam")
    second = planted_better.call(reading, scope, "adam", "rmsprop")
    chance = planted_better.call(reading, scope, "sgd", "rmsprop")
    assert [first.call, second.call, chance.call] == ["b", "a", "tied"]
    assert first.low > 0 > second.high
    assert (first.a_better, second.a_better) == (0, second.blocks)
    assert planted_better.best(reading, scope) == ["adam"]
    assert not first.equivalent
    assert not second.equivalent


def test_the_better_one_is_first_and_its_ratio_is_its_speed(planted_better):
    placed = planted_better.placed
    assert set(placed[placed.place == 1].optimizer) == {"adam"}
    assert (placed[placed.place == 1].mean_rank == 1).all()
    # Rates of the best of four draws spread about 1.25 on both sides, the speed is four-fold.
    ratio = planted_better.call("ratio", "pooled", "sgd", "adam")
    assert math.exp(ratio.low) < 4 < math.exp(ratio.high)


def test_tables_have_the_columns_and_the_order_of_keys_that_the_schema_says(planted_better):
    study = planted_better
    assert list(study.calls.columns) == COLUMNS
    assert list(study.placed.columns) == list(TABLES["ranking"].columns)
    assert set(study.read.columns) == set(TABLES["readings"].columns)
    assert not study.calls.drop(columns=["reading", "scope", "a", "b", "call"]).isna().any(axis=None)


def test_direction_follows_the_ranks_and_not_the_mean():
    # Eighteen small wins of a against two large losses: the mean is on b's side.
    d = -np.linspace(0.01, 0.02, 20)
    d[:2] = 5.0
    (pooled, _) = calls_of(d[None, None]).itertuples()
    assert (pooled.call, np.mean(d) > 0) == ("a", True)


# Failures


def test_a_side_that_diverges_in_regression_is_counted_and_called_without_nan():
    failing = tuple(range(15))
    optimizers = {"sgd": Optimizer(failing=failing), "adam": Optimizer(), "rmsprop": Optimizer(failing=(0,))}
    rows, curves = study(optimizers, "d", 20, worst=INF)
    found = compared(rows, curves, optimizers, "d", task="regression")
    assert not found.calls[["p", "p_holm", "call", "estimate", "low", "high"]].isna().any(axis=None)
    assert not found.placed.isna().any(axis=None)
    for reading, scope in itertools.product(("error", "ratio"), ("pooled", "d")):
        line = found.call(reading, scope, "sgd", "adam")
        assert (line.a_failed, line.b_failed, line.call) == (15, 0, "b")
        turned = found.call(reading, scope, "adam", "rmsprop")
        assert (turned.a_failed, turned.b_failed) == (0, 1)
        both = found.call(reading, scope, "sgd", "rmsprop")
        assert (both.a_failed, both.b_failed, both.ties) == (14, 0, 1)
        assert not line.equivalent
        d = found.scores[reading].d[0, 0]
        assert (line.estimate, line.low, line.high) == statistics.hodges_lehmann(d[15:])


def test_a_side_that_diverges_in_classification_has_error_one_and_fails_in_the_ratio():
    optimizers = {"sgd": Optimizer(), "adam": Optimizer(failing=(0, 4, 7))}
    found = compared(*study(optimizers, "d", 20), optimizers, "d")
    failed = found.read[(found.read.optimizer == "adam") & found.read.block.isin([0, 4, 7])]
    assert failed.search_error.tolist() == pytest.approx([1.0] * 3)
    assert failed.winner_error.tolist() == [1.0] * 3
    assert failed.diverged.tolist() == [4] * 3
    error, ratio = (found.call(reading, "d", "sgd", "adam") for reading in ("error", "ratio"))
    assert (error.a_failed, error.b_failed) == (0, 0)
    assert (ratio.a_failed, ratio.b_failed) == (0, 3)
    assert math.isfinite(ratio.estimate)


def test_failing_everywhere_is_called_although_nothing_can_be_estimated():
    optimizers = {"sgd": Optimizer(), "adam": Optimizer(failing=tuple(range(8)))}
    found = compared(*study(optimizers, "d", 8, worst=INF), optimizers, "d", task="regression")
    for line in found.calls.itertuples():
        assert (line.call, line.b_failed, line.p) == ("a", 8, 2 / 2**8)
        assert math.isnan(line.estimate)
        assert not line.equivalent


def test_a_difference_that_is_not_a_number_is_refused():
    # It would compare as reached by no flip, the smallest p there is, and so be called.
    d = np.random.default_rng(0).normal(size=(1, 1, 20))
    d[0, 0, 0] = math.nan
    with pytest.raises(ValueError, match="nan"):
        calls_of(d)


# Calls and Holm's families


def impossible(blocks, tests):
    """Can the smallest p of so many blocks not pass Holm's first step?"""
    return Fraction(2, 2**blocks) * tests > Fraction(1, 20)


@pytest.mark.parametrize(
    ("count", "datasets", "blocks"),
    [
        (2, 1, 5),
        (2, 1, 6),
        (2, 2, 5),
        (3, 1, 6),
        (3, 1, 7),
        (3, 2, 7),
        (3, 2, 8),
        (4, 1, 7),
        (4, 1, 8),
        (2, 3, 2),
    ],
)
def test_too_few_blocks_are_said_exactly_where_no_data_could_be_called(count, datasets, blocks):
    pairs = count * (count - 1) // 2
    rng = np.random.default_rng(0)
    calls = calls_of(-1 - rng.random((pairs, datasets, blocks)))  # a wins every block of every pair
    pooled = "too few blocks" if impossible(blocks * datasets, pairs) else "a"
    single = "too few blocks" if impossible(blocks, pairs * datasets) else "a"
    assert set(calls[calls.scope == "pooled"].call) == {pooled}
    assert set(calls[calls.scope != "pooled"].call) == {single}
    assert (pooled, single) != ("too few blocks", "a")


def test_with_too_few_blocks_everyone_is_tied_for_best():
    scores, names = scored(-np.ones((3, 1, 5)))
    calls = compare.comparisons(scores, {"d0": "classification"}, 0)
    placed = compare.ranking(scores, calls, names)
    assert set(calls.call) == {"too few blocks"}
    assert placed.tied_for_best.all()


@pytest.mark.parametrize("datasets", [1, 2])
def test_holm_goes_over_pairs_pooled_and_over_pairs_times_datasets_singly(datasets):
    d = np.random.default_rng(5).normal(0.7, 1, (3, datasets, 8))
    calls = calls_of(d)
    for family in (calls[calls.scope == "pooled"], calls[calls.scope != "pooled"]):
        np.testing.assert_allclose(family.p_holm, holm_by_closure(family.p.tolist()), rtol=1e-12)
    assert len(calls) == 3 * (1 + datasets)


def test_holm_decides_the_call_at_five_percent():
    # Ten blocks, ranks 1 .. 10, the ranks given lose: their p by counting sets of ranks.
    lost = {(1,): 4 / 1024, (1, 2, 3): 28 / 1024, (3, 5): 50 / 1024}
    d = np.array([[[x if x in ranks else -x for x in range(1, 11)]] for ranks in lost], float)
    calls = calls_of(d)
    assert calls[calls.scope == "d0"].p.tolist() == pytest.approx(list(lost.values()))
    assert calls[calls.scope == "d0"].call.tolist() == ["a", "tied", "tied"]
    assert [calls_of(one[None]).call.tolist() for one in d] == [["a", "a"]] * 3


def test_pooled_ranks_are_taken_within_datasets():
    # The second dataset's differences are a thousand times as large: ranked together they would decide.
    d = np.stack([-np.arange(1.0, 9.0), 1000 * np.array([1, 2, 3, 4, -5, 6, -7, 8.0])])
    pooled = calls_of(d[None]).iloc[0]
    ranks = [-2 * r for r in range(1, 9)] + [2, 4, 6, 8, -10, 12, -14, 16]
    ways = [sum(s * r for s, r in zip(f, ranks, strict=True)) for f in itertools.product((-1, 1), repeat=16)]
    assert pooled.p == np.mean(np.abs(ways) >= abs(sum(ranks)))


@pytest.mark.parametrize("reading", ["error", "ratio"])
def test_another_order_of_optimizers_only_turns_the_pairs(reading):
    optimizers = {"sgd": Optimizer(0.02), "adam": Optimizer(0, 4), "rmsprop": Optimizer(0, 1.5, (1, 2))}
    rows, curves = study(optimizers, "cd", 10, worst=INF)
    one, other = (
        compared(rows, curves, order, "cd", "regression") for order in (optimizers, list(optimizers)[::-1])
    )
    turned = {"a": "b", "b": "a"}
    for line in one.calls[one.calls.reading == reading].itertuples():
        back = other.call(reading, line.scope, line.b, line.a)
        assert (line.p, line.p_holm) == (back.p, back.p_holm)
        assert back.call == turned.get(line.call, line.call)
        assert (line.estimate, line.low, line.high) == pytest.approx((-back.estimate, -back.high, -back.low))
        assert (line.a_failed, line.b_failed) == (back.b_failed, back.a_failed)
        assert (line.ties, line.equivalent) == (back.ties, back.equivalent)
        assert line.a_better + back.a_better + line.ties == line.blocks
    places = [x.placed[x.placed.reading == reading].drop(columns="place") for x in (one, other)]
    keys = ["scope", "optimizer"]
    pd.testing.assert_frame_equal(*(p.sort_values(keys).reset_index(drop=True) for p in places))


def test_another_dataset_changes_nothing_on_the_first():
    optimizers = {"sgd": Optimizer(0.01), "adam": Optimizer(0, 1.2), "rmsprop": Optimizer()}
    alone = compared(*study(optimizers, "c", 20), optimizers, "c").calls
    beside = compared(*study(optimizers, "cd", 20), optimizers, "cd").calls
    kept = [name for name in COLUMNS if name not in ("p_holm", "call")]
    pd.testing.assert_frame_equal(
        *(t.loc[t.scope == "c", kept].reset_index(drop=True) for t in (alone, beside))
    )


def test_another_optimizer_changes_no_difference_and_no_p():
    optimizers = {"sgd": Optimizer(0.01), "adam": Optimizer(0, 1.2), "rmsprop": Optimizer(0, 9)}
    three = compared(*study(optimizers, "cd", 20), optimizers, "cd")
    del optimizers["rmsprop"]
    two = compared(*study(optimizers, "cd", 20), optimizers, "cd")
    for reading, scores in two.scores.items():
        np.testing.assert_array_equal(three.scores[reading].d[:1], scores.d)
        for scope in ("pooled", "c", "d"):
            assert three.call(reading, scope, "sgd", "adam").p == two.call(reading, scope, "sgd", "adam").p


def test_a_single_optimizer_is_compared_with_nobody():
    optimizers = {"sgd": Optimizer()}
    found = compared(*study(optimizers, "d", 6), optimizers, "d")
    assert len(found.calls) == 0
    assert found.placed[["place", "mean_rank", "tied_for_best"]].to_numpy().tolist() == [[1, 1.0, True]] * 4


def test_eight_copies_are_told_apart_no_more_often_than_the_level():
    rng, studies, claimed = np.random.default_rng(4), 300, 0
    pairs = list(itertools.combinations(range(8), 2))
    for seed in range(studies):
        errors = np.round(rng.gamma(2, 0.05, (8, 2, 20)) + rng.normal(size=(1, 2, 20)), 2)
        d = np.array([errors[a] - errors[b] for a, b in pairs])
        scores = statistics.signed_ranks(d).reshape(len(pairs), -1)
        p = statistics.sign_flip(scores, seed, flips=1999)
        _, calls = compare.called(p, scores.sum(axis=1), scores.shape[1], len(pairs))
        claimed += any(call != "tied" for call in calls)
    assert stats.binomtest(claimed, studies).proportion_ci(0.999, method="exact").low <= 0.05


# As good as, within a margin


@pytest.mark.parametrize(
    ("reading", "task", "shift", "equivalent"),
    [
        ("error", "classification", 0.009, True),
        ("error", "classification", -0.011, False),
        ("error", "regression", -0.019, True),
        ("error", "regression", 0.021, False),
        ("ratio", "classification", math.log(1.09), True),
        ("ratio", "regression", -math.log(1.11), False),
    ],
)
def test_a_difference_inside_the_margin_is_as_good_as_none(reading, task, shift, equivalent):
    d = np.random.default_rng(0).normal(shift, 1e-5, (1, 2, 10))
    assert calls_of(d, reading, task).equivalent.tolist() == [equivalent] * 3


def test_the_margin_must_hold_the_ninety_percent_interval_and_pooled_that_of_ninety_five():
    d = np.random.default_rng(1).normal(size=20)
    d -= np.median(d)
    means = sorted((x + y) / 2 for x, y in itertools.combinations_with_replacement(d, 2))
    # Critical values of Wilcoxon's signed-rank sum, n = 20: 60 at .10 and 52 at .05.
    inner, outer = (max(-means[c], means[-c - 1]) for c in (60, 52))
    assert inner < outer
    pooled, single = calls_of(d[None, None] * 0.02 / (inner + outer)).itertuples()
    assert (pooled.equivalent, single.equivalent) == (False, True)
    assert (pooled.low, pooled.high) == (single.low, single.high)  # what is shown is the 95 % one on both


def test_a_failure_on_one_side_is_never_as_good_as_none():
    d = np.zeros((1, 1, 20))
    d[0, 0, 0] = INF
    assert calls_of(d).equivalent.tolist() == [False, False]


def test_shares_and_roots_of_squares_have_no_margin_together():
    scores, _ = scored(np.zeros((1, 2, 10)))
    calls = compare.comparisons(scores, {"d0": "classification", "d1": "regression"}, 0)
    assert calls.equivalent.tolist() == [False, True, True]
    assert calls.margin.tolist() == pytest.approx([math.nan, 0.01, 0.02], nan_ok=True)


def test_wins_ties_and_failures_are_counted():
    d = np.array([-1, -2, -INF, 0, 0, INF, 3, 4, 5, 6])
    line = calls_of(d[None, None]).iloc[0]
    assert line[["a_better", "ties", "a_failed", "b_failed", "blocks"]].tolist() == [3, 2, 1, 1, 10]
    # R's binom.test(3, 10)
    assert (line.a_better_low, line.a_better_high) == pytest.approx((0.0667395, 0.6524529), abs=1e-7)


# The ranked list


def test_mean_ranks_of_errors_are_midranks_within_blocks():
    rng = np.random.default_rng(0)
    names, errors = list("pqrs"), rng.choice([0.1, 0.2, 0.3, INF], (2, 9, 4))
    lines = [
        {"dataset": f"d{i}", "block": j, "optimizer": o, "search_error": errors[i, j, k]}
        for i, j, (k, o) in itertools.product(range(2), range(9), enumerate(names))
    ]
    scores = compare.error_scores(pd.DataFrame(lines), names, ["d0", "d1"])
    expected = np.array([[midranks(list(block)) for block in dataset] for dataset in errors])
    np.testing.assert_array_equal(compare.mean_ranks(scores, names), expected)
    calls = compare.comparisons(scores, dict.fromkeys(["d0", "d1"], "regression"), 0)
    placed = compare.ranking(scores, calls, names)
    for scope, ranks in (("pooled", expected.mean(axis=(0, 1))), ("d1", expected[1].mean(axis=0))):
        here = placed[placed.scope == scope]
        assert here.place.tolist() == [1, 2, 3, 4]
        assert here.optimizer.tolist() == [names[k] for k in np.argsort(ranks, kind="stable")]
        np.testing.assert_allclose(here.mean_rank, sorted(ranks), rtol=1e-12)
        assert set(here.blocks) == {18 if scope == "pooled" else 9}


def test_rank_in_the_ratio_is_one_and_those_ahead_and_half_of_the_ties():
    # In one block: p ties with q, r is ahead of both, s failed.
    pairs = {"pq": 0, "pr": 0.4, "ps": -INF, "qr": 0.1, "qs": -INF, "rs": -INF}
    scores = Scores("ratio", [tuple(p) for p in pairs], ["d"], np.array(list(pairs.values()))[:, None, None])
    assert compare.mean_ranks(scores, list("pqrs"))[0, 0].tolist() == [2.5, 2.5, 1, 4]


def test_everyone_whom_no_other_beats_is_tied_for_best():
    # a and b beat c on every block, and are told apart nowhere.
    d = np.full((3, 1, 20), -1.0)
    d[0, 0] = np.tile([-1, 1], 10)
    scores, names = scored(d)
    placed = compare.ranking(scores, compare.comparisons(scores, {"d0": "classification"}, 0), names)
    assert set(placed[placed.tied_for_best].optimizer) == {"a", "b"}
    assert placed[placed.optimizer == "c"].place.tolist() == [3, 3]


def test_a_circle_of_calls_is_tied_for_best_whole():
    d = np.full((6, 1, 20), -1.0)  # ab ac ad bc bd cd: a beats b beats c, all beat d
    d[1] = 1.0  # and c beats a
    scores, names = scored(d)
    placed = compare.ranking(scores, compare.comparisons(scores, {"d0": "classification"}, 0), names)
    assert set(placed[placed.tied_for_best].optimizer) == {"a", "b", "c"}


# The forest


def forest_of(errors, floors=None):
    """The forest of constant or given errors, {optimizer: error or errors of blocks}."""
    blocks = 20
    lines = [
        {"dataset": "d", "block": j, "optimizer": name, "search_error": np.broadcast_to(error, blocks)[j]}
        for name, error in errors.items()
        for j in range(blocks)
    ]
    read, names = pd.DataFrame(lines), list(errors)
    scores = compare.error_scores(read, names, ["d"])
    placed = compare.ranking(scores, compare.comparisons(scores, {"d": "regression"}, 0), names)
    return compare.forest(read, placed, floors or {"d": 0.001}).set_index("optimizer")


def test_forest_shows_distances_to_the_reference_in_percent_of_the_median_error():
    found = forest_of({"sgd": 0.15, "adam": 0.1})
    assert set(found.reference) == {"adam"}
    assert found.estimate.to_dict() == {"adam": 0.0, "sgd": pytest.approx(40)}
    assert found.level.tolist() == pytest.approx([middle_coverage(20, 6)] * 2)


def test_forest_divides_by_no_less_than_the_floor():
    assert forest_of({"sgd": 0.0, "adam": 0.002}, {"d": 0.01}).estimate["adam"] == pytest.approx(20)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_forest_intervals_hold_for_all_optimizers_together(count):
    rng = np.random.default_rng(0)
    found = forest_of({"ref": 0.0} | {f"o{i}": rng.random(20) + 1 for i in range(count - 1)})
    level = found.level["o0"]
    assert level >= 1 - 0.05 / (count - 1)
    cut = next(c for c in range(1, 10) if middle_coverage(20, c + 1) < 1 - 0.05 / (count - 1))
    assert level == pytest.approx(middle_coverage(20, cut))


def test_forest_keeps_failures_as_infinite_distances():
    errors = np.full(20, 0.2)
    errors[:9] = INF
    found = forest_of({"sgd": errors, "adam": 0.1})
    assert not found.isna().any(axis=None)
    assert found.high["sgd"] == INF
    assert math.isfinite(found.estimate["sgd"])


def test_forest_has_no_nan_where_most_searches_of_a_dataset_failed():
    errors = np.full(20, INF)
    errors[0] = 0.2
    assert not forest_of({"sgd": errors, "adam": errors[::-1]}).isna().any(axis=None)


# Best of k, tuning, decay, learning rates


def test_best_of_k_is_the_median_over_blocks():
    rng = np.random.default_rng(0)
    blocks = [search("d", b, "sgd", rng.random(6), rng.random(6)) for b in range(7)]
    found = compare.best_of_k(frame("rows", [line for block in blocks for line in block]))
    assert found.k.tolist() == [1, 2, 3, 4, 5, 6]
    for k, line in enumerate(found.itertuples(), 1):
        assert line.estimate == pytest.approx(np.median([best_of_subsets(block, k) for block in blocks]))
        assert (line.low <= line.estimate <= line.high, line.blocks) == (True, 7)
        assert line.level == pytest.approx(middle_coverage(7, 1))


def tuned(untuned, searched, worst=1.0):
    """Tuning's worth where every search and the defaults have these errors in each block; None diverges."""
    lines = []
    for block, (before, after) in enumerate(zip(untuned, searched, strict=True)):
        fields = {"kind": "untuned", "decay": "none", "diverged": before is None, "worst": worst}
        lines.append(row("d", block, "sgd", 0, before, 1.0, **fields))
        lines += search("d", block, "sgd", [after] * 4)
    (found,) = compare.tuning(readings.search_readings(frame("rows", lines))).itertuples()
    return found


def test_tuning_is_worth_the_defaults_error_less_what_a_search_reached():
    found = tuned([0.3, 0.31, 0.32, 0.33, 0.34, 0.35], [0.1] * 6)
    assert (found.untuned, found.searched, found.estimate) == pytest.approx((0.325, 0.1, 0.225))
    assert (found.low, found.high, found.level) == pytest.approx((0.2, 0.25, 0.95))
    assert (found.untuned_failed, found.blocks) == (0, 6)


@pytest.mark.parametrize("worst", [1.0, INF])
def test_diverged_defaults_are_counted_as_failed(worst):
    assert tuned([None, 0.3, None, 0.3, 0.3, 0.3, 0.3], [0.1] * 7, worst).untuned_failed == 2


def halved(gain, blocks=8, noise=0.0):
    """Readings of two optimizers on two datasets whose decayed draws are better by a gain."""
    rng, lines = np.random.default_rng(0), []
    for dataset, block, name in itertools.product("cd", range(blocks), ("sgd", "adam")):
        errors = [0.5 - gain * (j % 2) + noise * rng.random() for j in range(8)]
        lines += search(dataset, block, name, errors)
    return readings.search_readings(frame("rows", lines).sample(frac=1, random_state=0))


@pytest.mark.parametrize(("gain", "call"), [(0.1, "decay"), (-0.1, "none"), (0.0, "tied")])
def test_decay_is_called_where_it_helps(gain, call):
    found = compare.decay(halved(gain), ["sgd", "adam"], ["c", "d"], 0)
    assert found.call.tolist() == [call] * 6
    assert found.estimate.tolist() == pytest.approx([-gain] * 6, abs=1e-12)
    assert found[["scope", "optimizer", "blocks"]].to_numpy().tolist() == [
        *[["pooled", name, 16] for name in ("sgd", "adam")],
        *[[scope, name, 8] for name, scope in itertools.product(("sgd", "adam"), "cd")],
    ]


def test_decay_is_tested_within_each_optimizer_and_dataset():
    read = halved(0.2, blocks=7, noise=0.6)
    read["d"] = read.exponential_error - read.none_error
    found = compare.decay(read, ["sgd", "adam"], ["c", "d"], 0).set_index(["scope", "optimizer"])
    for optimizer, mine in read.groupby("optimizer"):
        ranks = {scope: statistics.signed_ranks(d.to_numpy()) for scope, d in mine.groupby("dataset").d}
        ranks["pooled"] = np.concatenate(list(ranks.values()))
        for scope, scores in ranks.items():
            assert found.p[scope, optimizer] == exact_sign_flip(scores)
    assert found.p.nunique() == 6  # so that none stands in another's place


def test_decay_corrects_over_optimizers_and_singly_over_datasets_too():
    found = compare.decay(halved(0.1, noise=0.6), ["sgd", "adam"], ["c", "d"], 0)
    for family in (found[found.scope == "pooled"], found[found.scope != "pooled"]):
        np.testing.assert_allclose(family.p_holm, holm_by_closure(family.p.tolist()), rtol=1e-12)
    assert len(set(found.p)) > 3


def test_decay_says_too_few_blocks_of_single_datasets():
    found = compare.decay(halved(0.1, blocks=6), ["sgd", "adam"], ["c", "d"], 0)
    assert found.call.tolist() == ["decay"] * 2 + ["too few blocks"] * 4  # 2/2⁶ × 4 = .125


def test_blocks_in_which_decay_cannot_be_read_are_no_ties():
    # Four draws on three batch sizes: in every second block, one of the four is without decay.
    lines = []
    for block in range(20):
        for j in range(4):
            decay = "none" if j == 0 or (j == 2 and block % 2) else "exponential"
            error = 0.4 if decay == "exponential" else 0.5
            lines.append(row("d", block, "sgd", j, error, j + 1.0, decay=decay))
    found = compare.decay(readings.search_readings(frame("rows", lines)), ["sgd"], ["d"], 0)
    assert found.estimate.tolist() == pytest.approx([-0.1] * 2)


def rates(lines):
    """Which bins of learning rates are safe, for (lr, validation error, diverged) in one block."""
    rows = [
        row("d", 0, "sgd", j, error, 1.0, diverged=diverged, settings={"lr": lr})
        for j, (lr, error, diverged) in enumerate(lines)
    ]
    return compare.learning_rates(frame("rows", rows), {"d": 0.001})


def test_safe_learning_rates_are_the_bottom_of_a_valley():
    # Error .1·(1 + x²), x in decades from .01: within a tenth of the best up to x = .33, two bins.
    places = np.arange(-4 + 0.125, 0, 0.25)
    found = rates([(10**p, 0.1 * (1 + (p + 2) ** 2), p > -0.5) for p in places])
    assert len(found) == 16
    safe = found[found.safe]
    assert (safe.lr_low.min(), safe.lr_high.max()) == pytest.approx((10**-2.25, 10**-1.75))
    assert (safe.good == safe.rows).all()
    assert found.diverged.tolist() == [0] * 14 + [1] * 2
    np.testing.assert_allclose(np.log10(found.lr_high / found.lr_low), 0.25)


def test_safe_is_the_longest_run_without_a_gap():
    good = [-4.0, -3.75, -2.0, -1.75, -1.5, -0.5]  # -1.25 has no draws at all, -3 and 0 are bad
    lines = [(1.001 * 10**p, 0.1, False) for p in good] + [(1.001 * 10**p, 0.2, False) for p in (-3.0, 0.0)]
    found = rates(lines)
    assert np.log10(found[found.safe].lr_low).tolist() == pytest.approx([-2.0, -1.75, -1.5])


@pytest.mark.parametrize(("bad", "safe"), [(2, True), (3, False)])
def test_a_bin_is_safe_when_half_of_its_draws_are_good(bad, safe):
    found = rates([(0.011, 0.1, False), (0.012, 0.109, False)] + [(0.013, 0.12, False)] * bad)
    assert (found.good.tolist(), found.rows.tolist(), found.safe.tolist()) == ([2], [2 + bad], [safe])


def test_a_diverged_draw_is_never_good():
    found = rates([(0.1, 1.0, True), (0.1, 1.0, True)])
    assert (found.good.tolist(), found.safe.tolist()) == ([0], [False])


# The pick


def won(lines, optimizer="momentum"):
    """Winners, {batch_size, decay, **hyperparameters} each."""
    made = []
    for block, line in enumerate(lines):
        hyper = {k: v for k, v in line.items() if k not in ("batch_size", "decay")}
        fields = {"batch_size": line.get("batch_size", 64), "decay": line.get("decay", "none")}
        made.append(row("d", block, optimizer, 0, 0.1, 0.1, **fields) | {"settings": json.dumps(hyper)})
    return frame("rows", made)


def test_the_winner_has_the_lowest_validation_loss_with_ties_by_draw():
    lines = search("d", 0, "sgd", [0.4, 0.3, 0.2, 0.1], [2, 1, 1, 0.5], diverged=(3,))
    lines += search("d", 1, "sgd", [0.4, 0.3], diverged=(0, 1))
    lines += [row("d", 0, "sgd", 9, 0.0, 0.0, kind="untuned", decay="none")]
    found = winners(frame("rows", lines[::-1]))
    assert found[["block", "draw", "test_error"]].to_numpy().tolist() == [[0, 1, 0.3], [1, 0, 1.0]]


def test_a_winner_is_one_row_even_where_something_was_not_measured():
    lines = search("d", 0, "sgd", [0.4, 0.3])
    lines[0]["test_loss"] = math.nan
    assert math.isnan(winners(frame("rows", lines)).test_loss[0])


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [([64, 128, 128], 128), ([512, 64, 512, 64, 128], 64), ([256, 128, 512], 128)],
)
def test_batch_size_is_the_most_frequent_and_the_smaller_of_two(sizes, chosen):
    made = pick("d", "sgd", won([{"batch_size": size, "lr": 0.1} for size in sizes], "sgd"))
    assert (made.batch_size, made.winners) == (chosen, sizes.count(chosen))


@pytest.mark.parametrize(("decayed", "decay"), [(0, "none"), (2, "none"), (3, "exponential")])
def test_decay_needs_more_than_half_of_the_winners_at_that_size(decayed, decay):
    lines = [{"lr": 0.1, "decay": "exponential", "gamma": 0.9}] * decayed + [{"lr": 0.1}] * (4 - decayed)
    elsewhere = [{"lr": 0.1, "decay": "exponential", "gamma": 0.8, "batch_size": 128}] * 3
    made = pick("d", "sgd", won(lines + elsewhere, "sgd"))
    assert (made.decay, made.batch_size) == (decay, 64)
    assert ("gamma" in made.settings) == (decay == "exponential")


def test_gamma_comes_from_the_decayed_winners_at_that_size_and_lr_from_all_of_them():
    lines = [
        {"lr": lr, "decay": "exponential", "gamma": g} for lr, g in ((0.01, 0.99), (0.1, 0.9), (1, 0.96))
    ]
    lines += [{"lr": 0.1}, {"lr": 0.1}, {"lr": 9.0, "batch_size": 512}]
    made = pick("d", "sgd", won(lines, "sgd"))
    assert made.settings == pytest.approx({"lr": 0.1, "gamma": 0.96})


def test_medians_are_taken_of_logs_and_betas_by_their_distance_to_one():
    lines = [{"lr": lr, "beta": beta} for lr, beta in ((0.001, 0.0), (0.01, 0.9), (1.0, 0.999), (7.0, 0.995))]
    made = pick("d", "momentum", won(lines))
    # Even count: the mean of the two middle logs, so the geometric mean of .01 and 1, and of .1 and .005.
    assert made.settings == pytest.approx({"lr": 0.1, "beta": 1 - math.sqrt(0.1 * 0.005)})


def test_quartiles_enclose_the_pick_in_the_order_of_the_hyperparameter():
    betas = [1 - 10**-x for x in (0.5, 1, 1.5, 2, 2.5)]
    made = pick("d", "momentum", won([{"lr": 0.1, "beta": beta} for beta in betas]))
    assert made.settings["beta"] == pytest.approx(betas[2])
    assert made.quartiles["beta"] == pytest.approx((betas[1], betas[3]))


def test_what_is_not_searched_is_kept():
    made = pick("d", "adam", won([SETTINGS["adam"]] * 3, "adam"))
    assert made.settings == pytest.approx(SETTINGS["adam"])
    assert set(made.quartiles) == {"lr", "beta1", "beta2"}


# The table of picks and the audit


def confirmations(dataset, optimizer, errors, diverged=()):
    """Confirming rows with the length of their trainings."""
    fields = {"kind": "confirm", "decay": "none"}
    lines = [
        row(dataset, 1_000_000 + j, optimizer, 0, error, 1.0, diverged=j in diverged, **fields)
        for j, error in enumerate(errors)
    ]
    return frame("rows", lines).assign(examples=1000, steps=15)


@pytest.fixture(scope="module")
def circle():
    """Adam is picked on c by its mean rank, sgd cannot be told from it, rmsprop is worse."""
    optimizers = {"sgd": Optimizer(0.0), "adam": Optimizer(0.0), "rmsprop": Optimizer(0.3)}
    return compared(*study(optimizers, "c", 20), optimizers, "c")


def table_of(found, errors, diverged=()):
    made = compare.picks(found.rows, found.placed, ["c"], ARMS)
    confirmed = confirmations("c", made[0].arm.name, errors, diverged)
    return compare.picks_table(made, found.read, found.calls, confirmed)


def test_the_pick_is_the_first_with_all_that_it_cannot_be_told_from(circle):
    (line,) = table_of(circle, [0.2] * 20).itertuples()
    first = circle.placed[(circle.placed.scope == "c") & (circle.placed.reading == "error")].optimizer.iloc[0]
    assert line.optimizer == first
    assert {line.optimizer, line.tied_with} == {"sgd", "adam"}
    mine = circle.read[circle.read.optimizer == first].search_error
    assert line.searched == pytest.approx(np.median(mine))
    assert (line.searched_low, line.searched_high) == tuple(np.sort(mine)[[5, 14]])


def test_tied_with_a_pick_are_exactly_those_not_called_worse():
    names = ["adam", "momentum", "rmsprop", "sgd"]
    calls = {("adam", "momentum"): "a", ("adam", "rmsprop"): "b", ("adam", "sgd"): "tied"}
    calls |= {("momentum", "rmsprop"): "a", ("momentum", "sgd"): "b", ("rmsprop", "sgd"): "b"}
    lines = [("error", "c", a, b, calls[a, b]) for a, b in itertools.combinations(names, 2)]
    lines += [("error", "d", a, b, "a") for a, b in itertools.combinations(names, 2)]
    lines += [("ratio", "c", a, b, "a") for a, b in itertools.combinations(names, 2)]
    table = pd.DataFrame(lines, columns=["reading", "scope", "a", "b", "call"])
    read = pd.DataFrame({"dataset": "c", "optimizer": names, "search_error": 0.1})
    tied = {}
    for name in names:
        made = pick("c", name, won([SETTINGS[name]], name))
        (line,) = compare.picks_table([made], read, table, confirmations("c", name, [0.1])).itertuples()
        tied[name] = line.tied_with
    assert tied == {
        "adam": "rmsprop,sgd",
        "momentum": "adam,sgd",
        "rmsprop": "momentum,sgd",
        "sgd": "adam",
    }


def test_the_confirmed_score_is_the_median_over_fresh_blocks(circle):
    errors = np.linspace(0.1, 0.29, 20)
    (line,) = table_of(circle, errors, diverged=(0,)).itertuples()
    scores = np.sort([1.0, *errors[1:]])
    assert line.confirmed == pytest.approx((scores[9] + scores[10]) / 2)
    assert (line.confirmed_low, line.confirmed_high) == (scores[5], scores[14])
    assert line.confirmed_level == pytest.approx(middle_coverage(20, 6))
    assert (line.confirmed_blocks, line.confirmed_diverged) == (20, 1)
    assert (line.examples, line.steps) == (1000, 15)


def test_the_level_of_a_picks_two_intervals_is_that_of_their_blocks():
    rows, curves = study({"sgd": Optimizer(), "adam": Optimizer(0.3)}, "c", 8)
    (line,) = table_of(compared(rows, curves, ["sgd", "adam"], "c"), [0.2] * 20).itertuples()
    assert line.confirmed_level == pytest.approx(middle_coverage(20, 6))
    assert getattr(line, "searched_level", line.confirmed_level) == pytest.approx(middle_coverage(8, 1))


def audit_of(found, errors=(0.1,) * 20, diverged=()):
    return audit(found.rows, found.curves, found.calls, table_of(found, errors, diverged), ARMS)


def statuses(table, check):
    here = table[table.check == check]
    return dict(zip(zip(here.optimizer, here.what, strict=True), here.status, strict=True))


def test_an_honest_study_passes_the_audit(circle):
    table = audit_of(circle)
    assert set(TABLES["audit"].columns) <= set(table.columns)
    assert set(table.status) == {"ok", "info"}
    assert set(table.check) == {"budget", "edge", "divergence", "confirmed", "test read"} | {"inclusion"}
    assert set(table[table.status == "info"].check) == {"divergence"}


def test_audit_flags_a_training_that_one_optimizer_had_less(circle):
    rows = circle.rows[
        ~((circle.rows.optimizer == "sgd") & (circle.rows.block == 2) & (circle.rows.draw == 3))
    ]
    assert statuses(audit_of(circle._replace(rows=rows)), "budget") == {("all", ""): "look"}


def test_audit_counts_budgets_of_searches_alone(circle):
    rows = circle.rows[~((circle.rows.optimizer == "sgd") & (circle.rows.kind == "untuned"))]
    assert statuses(audit_of(circle._replace(rows=rows)), "budget") == {("all", ""): "ok"}


def test_audit_reports_the_share_of_diverged_draws(circle):
    rows = circle.rows.copy()
    rows.loc[(rows.optimizer == "sgd") & (rows.kind == "search") & (rows.draw == 1), "status"] = "diverged"
    table = audit_of(circle._replace(rows=rows))
    shares = table[table.check == "divergence"].set_index("optimizer").value
    assert shares.to_dict() == {"sgd": 0.25, "adam": 0.0, "rmsprop": 0.0}


@pytest.mark.parametrize(
    ("name", "low", "high", "what"),
    [
        ("lr", 1e-4, 10.0, "lr"),
        ("beta", 5e-3, 1.0, "1-beta"),
    ],
)
@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize(
    ("outer", "place", "status"), [(2, 0.045, "look"), (1, 0.0, "ok"), (8, 0.055, "ok"), (8, 0.045, "look")]
)
def test_audit_flags_a_quarter_of_winners_in_the_outer_twentieth(
    circle, name, low, high, what, end, outer, place, status
):
    place = place if end == "low" else 1 - place
    searched = low * (high / low) ** place
    value = 1 - searched if what == "1-beta" else searched
    crowd, others = {**SETTINGS["momentum"], name: value}, SETTINGS["momentum"]
    rows = won([crowd] * outer + [others] * (8 - outer))
    found = statuses(audit(rows, circle.curves, circle.calls, table_of(circle, [0.1] * 20), ARMS), "edge")
    assert found["momentum", f"{what} {end} end"] == status
    assert list(found.values()).count("look") == (status == "look")


def test_audit_flags_a_decay_of_the_rate_at_the_end_of_its_range(circle):
    # 1-γ is searched in .001 .. .3.
    rows = won([{"lr": 0.1, "decay": "exponential", "gamma": 1 - 0.29}] * 8, "sgd")
    found = audit(rows, circle.curves, circle.calls, table_of(circle, [0.1] * 20), ARMS)
    edges = found[(found.check == "edge") & (found.status == "look")]
    assert edges.what.tolist() == ["1-gamma high end"]


@pytest.mark.parametrize(
    ("worse", "better"), [("momentum", "sgd"), ("adam", "momentum"), ("adam", "rmsprop")]
)
@pytest.mark.parametrize("turned", [False, True])
def test_audit_flags_an_optimizer_called_worse_than_what_it_contains(circle, worse, better, turned):
    for gap, status in ((0.3, "look"), (-0.3, "ok"), (0.0, "ok")):
        optimizers = {worse: Optimizer(max(gap, 0)), better: Optimizer(max(-gap, 0))}
        order = sorted(optimizers, reverse=turned)
        calls = compared(*study(optimizers, "c", 20), order, "c").calls
        table = audit(circle.rows, circle.curves, calls, table_of(circle, [0.1] * 20), ARMS)
        lines = table[table.check == "inclusion"]
        assert lines[["dataset", "optimizer", "what", "status"]].to_numpy().tolist() == [
            ["pooled", worse, better, status],
            ["c", worse, better, status],
        ]


@pytest.mark.parametrize(
    ("error", "diverged", "status"), [(0.1, (), "ok"), (0.9, (), "look"), (0.1, (4,), "look")]
)
def test_audit_flags_a_pick_that_fresh_blocks_do_not_confirm(circle, error, diverged, status):
    (found,) = statuses(audit_of(circle, [error] * 20, diverged), "confirmed").values()
    assert found == status


@pytest.mark.parametrize("change", [{"best_examples": 900}, {"best_validation_loss": 0.001}])
def test_audit_flags_a_test_read_at_a_checkpoint_that_validation_did_not_choose(circle, change):
    rows = circle.rows.copy()
    (column, value), at = *change.items(), rows.index[rows.kind == "search"][7]
    rows.loc[at, column] = value
    table = audit_of(circle._replace(rows=rows))
    (line,) = table[table.check == "test read"].itertuples()
    assert (line.status, line.value) == ("look", pytest.approx(1 - 1 / len(rows)))
