"""The statistics against enumeration, scipy, published tables and simulation."""

import itertools
import math
import statistics as plain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from studies.analysis.statistics import (
    differences,
    hodges_lehmann,
    holm,
    sign_flip,
    signed_ranks,
    smallest_p,
)
from tests.support.planted import exact_sign_flip, holm_by_closure, many, midranks

INF = math.inf
# Few values, so that ties, zeros and infinities meet often.
coarse = st.sampled_from([-INF, -3.0, -1.5, -1.0, 0.0, 0.5, 1.0, 1.5, 3.0, INF])
shares = st.floats(0, 1, allow_subnormal=False)


def within(count, n, share, level=0.999):
    """Does the exact interval of count of n contain the share?"""
    low, high = stats.binomtest(count, n).proportion_ci(level, method="exact")
    return low <= share <= high


# Differences and signed ranks


def test_differences_of_infinities_are_ties_or_failures_of_one_side():
    a, b = [1.0, INF, INF, 2.0, -INF], [3.0, INF, 1.0, INF, -INF]
    np.testing.assert_array_equal(differences(a, b), [-2.0, 0.0, INF, -INF, 0.0])


def test_signed_ranks_by_hand():
    d = np.array([0.0, -1.0, 1.0, 2.0, INF, -INF])
    np.testing.assert_array_equal(signed_ranks(d), [0, -5, 5, 8, 11, -11])


def test_zeros_contribute_nothing_but_are_ranked_with_the_others():
    np.testing.assert_array_equal(signed_ranks(np.array([0.0, 0.0, 0.0, -7.0])), [0, 0, 0, -8])


def test_an_inf_on_one_side_has_the_largest_rank():
    ranks = signed_ranks(np.array([1e300, -INF, 5.0, 0.0]))
    assert ranks[1] == -8
    assert np.abs(ranks[[0, 2, 3]]).max() == 6


def test_an_inf_on_both_sides_is_a_tie():
    assert signed_ranks(differences([INF, 1.0], [INF, 2.0])).tolist() == [0, -4]


@many
@given(st.lists(coarse, min_size=1, max_size=12))
def test_signed_ranks_are_counted_midranks(d):
    expected = [2 * rank * np.sign(x) for rank, x in zip(midranks([abs(x) for x in d]), d, strict=True)]
    assert signed_ranks(np.array(d)).tolist() == expected


@many
@given(arrays(float, (2, 3, 5), elements=coarse))
def test_signed_ranks_stay_inside_a_dataset_and_are_antisymmetric(d):
    ranks = signed_ranks(d)
    for i, j in np.ndindex(2, 3):
        np.testing.assert_array_equal(ranks[i, j], signed_ranks(d[i, j]))
    np.testing.assert_array_equal(signed_ranks(-d), -ranks)
    np.testing.assert_array_equal(ranks, np.round(ranks))


# The sign-flip test


@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(3))
def test_p_is_the_share_of_all_flips_that_reach_the_sum(blocks, seed):
    scores = np.random.default_rng(seed).integers(-4, 5, blocks) * 2
    flips = list(itertools.product((-1, 1), repeat=blocks))
    reached = sum(abs(sum(s * x for s, x in zip(f, scores, strict=True))) >= abs(sum(scores)) for f in flips)
    assert sign_flip(scores[None].astype(float))[0] == reached / len(flips)


@pytest.mark.parametrize("blocks", [4, 9])
def test_p_is_that_of_scipys_permutation_test(blocks):
    rng = np.random.default_rng(blocks)
    ranks = signed_ranks(rng.normal(0.4, 1, (4, blocks)).round(1))
    for scores, p in zip(ranks, sign_flip(ranks), strict=True):
        expected = stats.permutation_test(
            (scores,),
            lambda x, axis: np.abs(x.sum(axis=axis)),
            permutation_type="samples",
            alternative="greater",
            n_resamples=np.inf,
            vectorized=True,
        )
        assert p == pytest.approx(expected.pvalue, abs=1e-12)


@many
@given(st.lists(coarse, min_size=1, max_size=16))
def test_p_is_exact_with_ties_zeros_and_infinities(d):
    scores = signed_ranks(np.array(d))
    assert sign_flip(scores[None])[0] == exact_sign_flip(scores)


@pytest.mark.parametrize("blocks", [10, 20, 45])
def test_p_of_one_dataset_without_ties_is_wilcoxons(blocks):
    d = np.random.default_rng(blocks).normal(0.3, 1, (8, blocks))
    expected = [stats.wilcoxon(one, method="exact").pvalue for one in d]
    np.testing.assert_allclose(sign_flip(signed_ranks(d)), expected, rtol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.6, 0.9])
def test_p_of_several_datasets_with_ties_is_counted(shift):
    d = np.random.default_rng(7).normal(shift, 1, (3, 2, 20)).round(1)
    scores = signed_ranks(d).reshape(3, -1)
    expected = [exact_sign_flip(row) for row in scores]
    np.testing.assert_allclose(sign_flip(scores), expected, rtol=1e-12)


@pytest.mark.parametrize("blocks", [6, 40, 2000])
def test_p_is_one_without_any_difference(blocks):
    assert sign_flip(np.zeros((2, blocks))).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("blocks", [12, 30])
def test_p_of_a_pair_depends_neither_on_other_pairs_nor_on_its_direction(blocks):
    scores = signed_ranks(np.random.default_rng(0).normal(0.2, 1, (5, blocks)))
    p = sign_flip(scores)
    np.testing.assert_array_equal(sign_flip(scores[2:3]), p[2:3])
    np.testing.assert_array_equal(sign_flip(-scores), p)


@pytest.mark.parametrize("blocks", [1, 2, 6, 12, 16, 17, 60, 360])
def test_smallest_p_is_reached_when_one_side_wins_every_block(blocks):
    assert smallest_p(blocks) == sign_flip(np.full((1, blocks), -2.0))[0] == 2 / 2**blocks


@pytest.mark.parametrize("z", [0.5, 2.0, 3.9])
def test_the_normal_p_of_very_many_blocks_joins_the_exact_one(z):
    for blocks, signs in ((990, 1), (1010, 1)):  # just below and just above what is exact
        ranks = 2.0 * np.arange(1, blocks + 1)
        wanted = z * np.sqrt((ranks**2).sum())
        scores, total = ranks * signs, ranks.sum()
        for i in reversed(range(blocks)):  # flip until the sum is what z asks for
            if total - 2 * ranks[i] >= wanted:
                scores[i], total = -ranks[i], total - 2 * ranks[i]
        assert sign_flip(scores[None])[0] == pytest.approx(2 * stats.norm.sf(z), rel=0.03)


def null(kind, rng, shape):
    """Differences that are symmetric about 0, block by block."""
    d = rng.normal(size=shape) * rng.exponential(size=shape[1])
    if kind == "ties and zeros":
        d = np.sign(d) * np.floor(np.abs(d) * 2)
    if kind == "infinities":
        d = np.where(rng.random(shape) < 0.2, np.sign(d) * INF, d)
        d[rng.random(shape) < 0.1] = 0
    return d


@pytest.mark.parametrize("kind", ["continuous", "ties and zeros", "infinities"])
def test_false_alarms_keep_the_level(kind):
    n = 2000
    ranks = signed_ranks(null(kind, np.random.default_rng(11), (n, 20)))
    p = sign_flip(ranks)
    for level in (0.01, 0.05, 0.2):
        alarms = int(np.sum(p <= level))
        assert stats.binomtest(alarms, n).proportion_ci(0.999, method="exact").low <= level
        if kind == "continuous":
            assert within(alarms, n, level)


# Holm


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        # Wikipedia, "Holm-Bonferroni method", example: only H4 and H1 are rejected at .05.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # By hand: 5·.001, 4·.008, 3·.039, 2·.041 raised to .117, 1·.6.
        ([0.039, 0.6, 0.001, 0.041, 0.008], [0.117, 0.6, 0.005, 0.117, 0.032]),
        ([0.3], [0.3]),
        ([0.5, 0.5, 0.9], [1.0, 1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_of_known_examples(p, adjusted):
    np.testing.assert_allclose(holm(p), adjusted, rtol=1e-12)


@many
@given(st.lists(shares, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_holm_is_the_closure_of_bonferroni_in_any_order(p, random):
    adjusted = holm(p)
    np.testing.assert_allclose(adjusted, holm_by_closure(p), rtol=1e-12)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= 1)
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= 0)
    shuffled = random.sample(range(len(p)), len(p))
    np.testing.assert_array_equal(holm(np.array(p)[shuffled]), adjusted[shuffled])


# Hodges-Lehmann


@many
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=15))
def test_hodges_lehmann_is_the_median_of_all_pairwise_means(d):
    means = [(x + y) / 2 for x, y in itertools.combinations_with_replacement(d, 2)]
    estimate, low, high = hodges_lehmann(d)
    assert estimate == plain.median(means)
    assert low <= estimate <= high


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [8, 13, 20, 33])
def test_shifts_inside_the_interval_are_those_that_wilcoxons_exact_test_keeps(n, level):
    x = np.random.default_rng(n).standard_cauchy(n)
    _, low, high = hodges_lehmann(x, level)
    assert math.isfinite(low)
    assert math.isfinite(high)

    def kept(shift):
        return stats.wilcoxon(x - shift, method="exact").pvalue > 1 - level

    step = 1e-9
    assert [kept(low - step), kept(low + step), kept(high - step), kept(high + step)] == [0, 1, 1, 0]


# Two-sided critical values of Wilcoxon's signed-rank sum at .05, as in every printed table.
@pytest.mark.parametrize(("n", "critical"), [(6, 0), (7, 2), (8, 3), (10, 8), (15, 25), (20, 52), (30, 137)])
def test_interval_ends_at_the_tabulated_pairwise_mean(n, critical):
    x = np.random.default_rng(n).normal(size=n)
    means = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(x, 2))
    assert hodges_lehmann(x)[1:] == (means[critical], means[-critical - 1])


@pytest.mark.parametrize(
    ("n", "level", "finite"), [(5, 0.95, False), (6, 0.95, True), (4, 0.9, False), (5, 0.9, True)]
)
def test_too_few_differences_have_an_infinite_interval(n, level, finite):
    estimate, low, high = hodges_lehmann(range(n), level)
    assert estimate == (n - 1) / 2
    assert (low, high) == ((0, n - 1) if finite else (-INF, INF))


def test_infinite_differences_are_left_out():
    d = [0.5, -1.0, 2.0, 0.25, 4.0, -3.0, 1.0]
    assert hodges_lehmann([INF, *d, -INF, INF]) == hodges_lehmann(d)


@pytest.mark.parametrize("d", [[], [INF], [INF, -INF, INF]])
def test_nothing_finite_has_no_estimate(d):
    assert all(math.isnan(x) for x in hodges_lehmann(d))


@many
@given(st.lists(st.integers(-50, 50), min_size=6, max_size=20), st.integers(-5, 5))
def test_hodges_lehmann_moves_and_turns_with_the_differences(d, shift):
    estimate, low, high = hodges_lehmann(d)
    turned = [-x for x in d]
    assert hodges_lehmann(turned) == (-estimate, -high, -low)
    assert hodges_lehmann([x + shift for x in d]) == (estimate + shift, low + shift, high + shift)


@pytest.mark.parametrize(("n", "level"), [(8, 0.9), (20, 0.95), (20, 0.9)])
def test_hodges_lehmann_covers_the_centre(n, level):
    rng, trials = np.random.default_rng(2), 1500
    intervals = [hodges_lehmann(rng.laplace(3.0, 1, n), level) for _ in range(trials)]
    covered = sum(low <= 3.0 <= high for _, low, high in intervals)
    truth = 1 - 2 * max(q for q in signed_rank_tails(n) if q <= (1 - level) / 2)
    assert truth >= level
    assert within(covered, trials, truth)


def signed_rank_tails(n):
    """P(W <= w) for all w, by counting the subsets of ranks."""
    ways = [1] + [0] * (n * (n + 1) // 2)
    for rank in range(1, n + 1):
        ways = [w + (ways[i - rank] if i >= rank else 0) for i, w in enumerate(ways)]
    return [total / 2**n for total in itertools.accumulate(ways)]
