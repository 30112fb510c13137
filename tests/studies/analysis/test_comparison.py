"""Calls, rankings, picks and the audit on planted studies, whose answers are known."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.analysis import comparison, statistics
from studies.analysis.comparison import Scores
from studies.folder.schema.tables import TABLES
from tests.support.planted import (
    Optimizer,
    compared,
    copy_of,
    holm_by_closure,
    study,
)

INF = math.inf
COLUMNS = list(TABLES["comparisons"].columns)


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
    return comparison.comparisons(scores, dict.fromkeys(scores.datasets, task))


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


def test_a_copy_is_as_good_everywhere(copied):
    calls = copied.calls
    assert len(calls) == 6
    assert calls.verdict.tolist() == ["as good"] * 6
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
    assert [first.verdict, second.verdict] == ["b", "a"]
    assert chance.verdict == ("as good" if chance.equivalent else "not decided")
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
    assert (
        not study.calls.drop(columns=["reading", "scope", "a", "b", "verdict", "again"]).isna().any(axis=None)
    )


def test_direction_follows_the_ranks_and_not_the_mean():
    # Eighteen small wins of a against two large losses: the mean is on b's side.
    d = -np.linspace(0.01, 0.02, 20)
    d[:2] = 5.0
    (pooled, _) = calls_of(d[None, None]).itertuples()
    assert (pooled.verdict, np.mean(d) > 0) == ("a", True)


# Failures


def test_a_side_that_diverges_in_regression_is_counted_and_called_without_nan():
    failing = tuple(range(15))
    optimizers = {"sgd": Optimizer(failing=failing), "adam": Optimizer(), "rmsprop": Optimizer(failing=(0,))}
    rows, curves = study(optimizers, "d", 20, worst=INF)
    found = compared(rows, curves, optimizers, "d", task="regression")
    assert not found.calls[["p", "p_holm", "verdict", "estimate", "low", "high"]].isna().any(axis=None)
    assert not found.placed.drop(columns="stable").isna().any(axis=None)
    for reading, scope in itertools.product(("error", "ratio"), ("pooled", "d")):
        line = found.call(reading, scope, "sgd", "adam")
        assert (line.a_failed, line.b_failed, line.verdict) == (15, 0, "b")
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
        assert (line.verdict, line.b_failed, line.p) == ("a", 8, 2 / 2**8)
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
    assert set(calls[calls.scope == "pooled"].verdict) == {pooled}
    assert set(calls[calls.scope != "pooled"].verdict) == {single}
    assert (pooled, single) != ("too few blocks", "a")


def test_with_too_few_blocks_everyone_is_unbeaten():
    scores, names = scored(-np.ones((3, 1, 5)))
    calls = comparison.comparisons(scores, {"d0": "classification"})
    placed = comparison.ranking(scores, calls, names)
    assert set(calls.verdict) == {"too few blocks"}
    assert placed.unbeaten.all()


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
    assert calls[calls.scope == "d0"].verdict.tolist() == ["a", "not decided", "not decided"]
    assert [calls_of(one[None]).verdict.tolist() for one in d] == [["a", "a"]] * 3


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
        assert back.verdict == turned.get(line.verdict, line.verdict)
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
    kept = [name for name in COLUMNS if name not in ("p_holm", "verdict", "again")]
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
    assert found.placed[["place", "mean_rank", "unbeaten"]].to_numpy().tolist() == [[1, 1.0, True]] * 4


def test_eight_copies_are_told_apart_no_more_often_than_the_level():
    rng, studies, claimed = np.random.default_rng(4), 300, 0
    pairs = list(itertools.combinations(range(8), 2))
    for _ in range(studies):
        errors = np.round(rng.gamma(2, 0.05, (8, 2, 20)) + rng.normal(size=(1, 2, 20)), 2)
        d = np.array([errors[a] - errors[b] for a, b in pairs])
        scores = statistics.signed_ranks(d).reshape(len(pairs), -1)
        p = statistics.sign_flip(scores)
        _, calls = comparison.called(p, scores.sum(axis=1), scores.shape[1], len(pairs))
        claimed += any(call in ("a", "b") for call in calls)
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
    d *= 0.02 / (inner + outer)
    margin = comparison.MARGINS["classification"]
    found = [comparison.equivalent(d, margin, pooled=pooled) for pooled in (True, False)]
    assert found == [False, True]
    pooled, single = calls_of(d[None, None]).itertuples()  # one dataset is no pool
    assert (pooled.equivalent, single.equivalent) == (True, True)
    assert (pooled.low, pooled.high) == (single.low, single.high)  # what is shown is the 95 % one on both


def test_a_failure_on_one_side_is_never_as_good_as_none():
    d = np.zeros((1, 1, 20))
    d[0, 0, 0] = INF
    assert calls_of(d).equivalent.tolist() == [False, False]


def test_shares_and_roots_of_squares_are_taken_together_in_margins():
    d = np.random.default_rng(0).normal(size=(2, 10))
    tasks = {"d0": "classification", "d1": "regression"}
    calls = comparison.comparisons(scored(d[None])[0], tasks)
    assert calls.margin.tolist() == [1.0, 0.01, 0.02]
    alone = calls_of(d[None] / [[[0.01], [0.02]]]).iloc[0]
    assert calls.iloc[0][["estimate", "low", "high"]].tolist() == alone[["estimate", "low", "high"]].tolist()
    for scale, within in ((0.3, True), (3.0, False)):  # of each dataset's own margin
        held = comparison.comparisons(scored(scale * d[None] * [[[0.01], [0.02]]])[0], tasks)
        assert held.equivalent[0] == within


def test_losses_have_no_margin_and_are_never_as_good():
    calls = comparison.comparisons(scored(np.zeros((1, 2, 10)))[0], {"d0": "loss", "d1": "loss"})
    assert calls.margin.isna().all()
    assert calls.verdict.tolist() == ["not decided"] * 3


def test_wins_ties_and_failures_are_counted():
    d = np.array([-1, -2, -INF, 0, 0, INF, 3, 4, 5, 6])
    line = calls_of(d[None, None]).iloc[0]
    assert line[["a_better", "ties", "a_failed", "b_failed", "blocks"]].tolist() == [3, 2, 1, 1, 10]
    # R's binom.test(3, 10)
    assert (line.a_better_low, line.a_better_high) == pytest.approx((0.0667395, 0.6524529), abs=1e-7)


# The verdict


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [
        (-0.05, 0.01, "a"),
        (0.05, 0.01, "b"),
        (-0.004, 0.002, "a"),  # better, by less than matters
        (0.0, 0.004, "as good"),
        (0.0, 0.05, "not decided"),
    ],
)
def test_a_pair_is_better_as_good_or_not_decided(shift, spread, verdict):
    noise = np.random.default_rng(2).normal(size=20)
    d = shift + spread * (noise - np.median(noise))
    lines = calls_of(d[None, None])
    assert lines.verdict.tolist() == [verdict] * 2
    assert lines.again.notna().tolist() == [verdict in ("a", "b")] * 2


def test_as_good_needs_no_more_blocks_than_its_interval():
    few = calls_of(np.zeros((3, 1, 5)))  # of which none could be called
    assert few[few.scope == "d0"].verdict.tolist() == ["as good"] * 3
    wide = calls_of(np.random.default_rng(0).normal(size=(3, 1, 5)))
    assert set(wide.verdict) == {"too few blocks"}


# One against each of the others is a family of its own


def test_what_one_is_against_the_others_does_not_pay_for_their_pairs():
    rng = np.random.default_rng(5)
    scores, names = scored(rng.normal(0.3, 1, (15, 2, 14)))
    tasks = dict.fromkeys(scores.datasets, "classification")
    plain = comparison.comparisons(scores, tasks)
    single = Scores("error", scores.pairs, scores.datasets, scores.d, against=["c"])
    told = comparison.comparisons(single, tasks)
    mine = (told.a == "c") | (told.b == "c")
    assert set(plain.family) == {"all"}
    assert set(told[mine].family) == {"against"}
    assert set(told[~mine].family) == {"others"}
    np.testing.assert_array_equal(told.p, plain.p)
    for scope, tests in (("pooled", [5, 10]), (None, [10, 20])):
        here = told.scope == "pooled" if scope else told.scope != "pooled"
        for family, many in zip(("against", "others"), tests, strict=True):
            lines = told[here & (told.family == family)]
            assert len(lines) == many
            if many < 11:  # of more there are too many intersections
                np.testing.assert_allclose(lines.p_holm, holm_by_closure(lines.p.to_numpy()))
            assert (lines.p_holm >= lines.p).all()
            assert lines.p_holm.min() == min(1.0, many * lines.p.min())
    assert len(names) == 6


def test_of_two_new_ones_their_own_pair_is_with_those_to_the_others():
    scores, _ = scored(np.ones((6, 1, 8)))
    both = Scores("error", scores.pairs, scores.datasets, scores.d, against=["a", "b"])
    assert both.families == {"against": [0, 1, 2, 3, 4], "others": [5]}
    alone = Scores("error", scores.pairs, scores.datasets, scores.d, against=list("abcd"))
    assert alone.families == {"all": list(range(6))}
