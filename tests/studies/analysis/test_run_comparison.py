"""Two runs side by side: paired where their blocks are the same, held against SciPy and slow counting."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.analysis import unpaired
from studies.analysis.run_comparison import Side, run_comparison
from studies.analysis.statistics import holm

BLOCKS = 12


def readings(optimizers=("sgd", "adam"), datasets=("wine", "digits"), blocks=BLOCKS, seed=0):
    rng = np.random.default_rng(seed)
    lines = [
        {"dataset": dataset, "block": block, "optimizer": optimizer, "search_error": rng.uniform(0.1, 0.2)}
        for dataset in datasets
        for block in range(blocks)
        for optimizer in optimizers
    ]
    return pd.DataFrame(lines).assign(winner_error=lambda f: f.search_error + 0.5)


def side(frame, seed=0, whole=False, kind="classification"):
    names = frame.dataset.unique()
    return Side(frame, dict.fromkeys(names, kind), {name: (seed, name) for name in names}, whole)


def test_a_run_against_itself_differs_by_nothing_and_is_as_good():
    frame = readings()
    found = run_comparison(side(frame), side(frame.sample(frac=1, random_state=3)))
    assert len(found) == 4
    assert found.paired.all()
    assert (found[["estimate", "low", "high"]] == 0).all(axis=None)
    assert (found.p_holm == 1).all()
    assert (found.verdict == "as good").all()


@pytest.mark.parametrize(("moved", "better"), [(-0.03, "b"), (0.03, "a")])
@pytest.mark.parametrize("seed", [0, 1])  # of the other run: paired, or not
def test_a_planted_shift_is_found_where_it_is_and_with_its_sign(moved, better, seed):
    frame = readings(blocks=40)
    other = frame.copy()
    if seed:
        other["search_error"] = readings(blocks=40, seed=seed).search_error
    here = (frame.dataset == "digits") & (frame.optimizer == "adam")
    other.loc[here, "search_error"] += moved
    found = run_comparison(side(frame), side(other, seed=seed)).set_index(["dataset", "optimizer"])
    one = found.loc["digits", "adam"]
    assert one.verdict == better
    assert one.low < one.estimate < one.high or one.low == one.estimate == one.high
    assert np.sign(one.low) == np.sign(one.high) == np.sign(moved)
    assert one.low - 1e-12 <= moved <= one.high + 1e-12
    assert not found.drop(("digits", "adam")).verdict.isin(["a", "b"]).any()
    assert (found.paired == (seed == 0)).all()


def test_paired_differences_have_the_p_and_the_interval_of_scipy():
    frame, other = readings(seed=1), readings(seed=2)
    found = run_comparison(side(frame), side(other))
    for line in found.itertuples():
        a, b = (
            one[(one.dataset == line.dataset) & (one.optimizer == line.optimizer)].search_error.to_numpy()
            for one in (frame, other)
        )
        assert line.p == pytest.approx(stats.wilcoxon(b - a, method="exact").pvalue, rel=1e-12)
        assert (line.a_error, line.b_error) == pytest.approx((np.median(a), np.median(b)))
        for end in (line.low, line.high):  # just inside it is not rejected, just outside it is
            step = 1e-9 * np.sign(end - line.estimate)
            inside, outside = (stats.wilcoxon(b - a - end - s, method="exact").pvalue for s in (-step, step))
            assert outside <= 0.05 < inside
    assert list(found.p_holm) == pytest.approx(list(holm(found.p)))


def test_runs_of_other_blocks_are_not_paired():
    frame, other = readings(seed=1), readings(seed=2)
    same, apart = (run_comparison(side(frame), side(other, seed=s)) for s in (0, 1))
    assert same.paired.all()
    assert not apart.paired.any()
    for line in apart.itertuples():
        a, b = (
            one[(one.dataset == line.dataset) & (one.optimizer == line.optimizer)].search_error.to_numpy()
            for one in (frame, other)
        )
        assert line.p == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue, rel=1e-12)
        assert line.estimate == pytest.approx(np.median(np.subtract.outer(b, a)))


def test_only_shared_blocks_are_paired_and_only_shared_names_compared():
    frame = readings(("sgd", "adam", "rmsprop"), blocks=20)
    other = readings(("adam", "sgd"), ("digits", "iris"), blocks=8)
    found = run_comparison(side(frame), side(other))
    assert list(found.dataset) == ["digits", "digits"]
    assert set(found.optimizer) == {"sgd", "adam"}
    assert list(found.a_blocks) == list(found.b_blocks) == [8, 8]
    apart = run_comparison(side(frame), side(other, seed=7))
    assert (list(apart.a_blocks), list(apart.b_blocks)) == ([20, 20], [8, 8])
    assert run_comparison(side(frame), side(readings(datasets=("iris",)))).empty


def test_a_winner_of_all_draws_is_compared_with_one():
    frame = readings()
    both = run_comparison(side(frame, whole=True), side(frame, whole=True))
    mixed = run_comparison(side(frame), side(frame, whole=True))
    assert (both.a_error < 0.3).all()
    assert (mixed.a_error > 0.5).all()
    assert (mixed.estimate == 0).all()


def test_too_few_blocks_are_said_and_a_loss_has_no_margin():
    few = run_comparison(side(readings(blocks=4, seed=1)), side(readings(blocks=4, seed=2)))
    assert (few.verdict == "too few blocks").all()
    frame = readings()
    assert (run_comparison(side(frame, kind="loss"), side(frame, kind="loss")).verdict == "not decided").all()


def test_a_search_that_fails_in_every_block_is_worse_and_never_as_good():
    frame = readings(blocks=30)
    other = frame.copy()
    here = (frame.dataset == "digits") & (frame.optimizer == "adam")
    other.loc[here, "search_error"] = np.inf
    for seed in (0, 1):
        found = run_comparison(side(frame), side(other, seed=seed)).set_index(["dataset", "optimizer"])
        one = found.loc["digits", "adam"]
        assert (one.verdict, one.b_error) == ("a", math.inf)
        assert math.isnan(one.estimate)
    both = run_comparison(side(other), side(other)).set_index(["dataset", "optimizer"])
    assert both.loc["digits", "adam"].verdict in ("as good", "not decided")


# Two samples


def slow_rank_sum(a, b):
    """Over all choices, with exact halves."""
    ranks = [2 * r for r in stats.rankdata([*a, *b])]
    n, k, total = len(ranks), len(b), sum(ranks)
    seen = abs(n * sum(ranks[len(a) :]) - k * total)
    choices = list(itertools.combinations(range(n), k))
    return sum(abs(n * sum(ranks[i] for i in one) - k * total) >= seen for one in choices) / len(choices)


@pytest.mark.parametrize("seed", range(8))
def test_rank_sums_are_exact_with_ties_and_infinities(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, rng.integers(2, 7)).astype(float), rng.integers(0, 5, 5).astype(float)
    a[a == 3] = np.inf
    p, away = unpaired.rank_sum(a, b)
    assert p == pytest.approx(slow_rank_sum(a, b), rel=1e-12)
    assert np.sign(away) == np.sign(stats.mannwhitneyu(b, a).statistic - len(a) * len(b) / 2)
    assert unpaired.rank_sum(b, a)[0] == pytest.approx(p)


def test_the_smallest_p_is_reached_by_samples_that_do_not_overlap():
    for m, k in ((3, 3), (4, 6), (20, 20)):
        p, away = unpaired.rank_sum(np.arange(m), np.arange(k) + 100)
        assert p == pytest.approx(unpaired.smallest_p(m, k), rel=1e-9)
        assert away > 0


@pytest.mark.parametrize(("m", "k"), [(6, 9), (20, 20), (13, 40)])
def test_a_shift_has_the_interval_that_the_test_does_not_reject(m, k):
    rng = np.random.default_rng(m)
    a, b = rng.normal(size=m), rng.normal(0.5, 1, size=k)
    for level in (0.90, 0.95):
        estimate, low, high = unpaired.shift(a, b, level)
        assert low < estimate < high
        for end, step in ((low, -1e-9), (high, 1e-9)):
            inside, outside = (
                stats.mannwhitneyu(b - end - s, a, method="exact").pvalue for s in (-step, step)
            )
            assert outside <= 1 - level < inside


def test_a_shift_of_too_few_values_is_unbounded_and_of_none_unknown():
    assert unpaired.shift([1.0, 2.0], [3.0, np.inf])[1:] == (-math.inf, math.inf)
    assert all(math.isnan(x) for x in unpaired.shift([np.inf], [1.0]))


def test_large_samples_take_a_normal_distribution_that_is_close(monkeypatch):
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=50), rng.normal(0.4, 1, size=50).round(1)
    p, away = unpaired.rank_sum(a, b)
    ends = unpaired.shift(a, b)
    monkeypatch.setattr(unpaired, "LARGE", 0)
    unpaired._beyond.cache_clear()
    near, same = unpaired.rank_sum(a, b)
    assert near == pytest.approx(p, rel=0.15)
    known = stats.mannwhitneyu(b, a, method="asymptotic", use_continuity=False)
    assert near == pytest.approx(known.pvalue, rel=1e-9)
    assert same == away
    np.testing.assert_allclose(unpaired.shift(a, b), ends, atol=0.03)
    assert unpaired.rank_sum([1, 2], [2, 1])[0] == 1.0
    unpaired._beyond.cache_clear()
