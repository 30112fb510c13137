"""Order statistics, shares, the expected search and ties against enumeration and published tables."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.analysis.statistics import (
    clopper_pearson,
    expected_search,
    order_interval,
    search_weights,
    unbeaten,
)
from tests.support.planted import many, middle_coverage

INF = math.inf
# Few values, so that ties, zeros and infinities meet often.
coarse = st.sampled_from([-INF, -3.0, -1.5, -1.0, 0.0, 0.5, 1.0, 1.5, 3.0, INF])
shares = st.floats(0, 1, allow_subnormal=False)


def within(count, n, share, level=0.999):
    """Does the exact interval of count of n contain the share?"""
    low, high = stats.binomtest(count, n).proportion_ci(level, method="exact")
    return low <= share <= high


# Order statistics


# Conover, Practical Nonparametric Statistics, and by hand: ranks of the 95 % interval of a median.
@pytest.mark.parametrize(
    ("n", "low", "high", "level"),
    [(6, 1, 6, 0.96875), (8, 1, 8, 0.9922), (10, 2, 9, 0.9785), (20, 6, 15, 0.9586), (25, 8, 18, 0.9567)],
)
def test_order_interval_of_known_ranks(n, low, high, level):
    x = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    assert order_interval(x) == ((n + 1) / 2, low, high, pytest.approx(level, abs=5e-5))


@pytest.mark.parametrize("level", [0.9, 0.95, 1 - 0.05 / 3, 1 - 0.05 / 7])
@pytest.mark.parametrize("n", [1, 2, 5, 7, 8, 20, 21, 60, 200])
def test_order_interval_is_the_narrowest_that_reaches_the_level(n, level):
    _, low, high, reached = order_interval(np.arange(1.0, n + 1), level)
    cut = int(low)
    assert high == n + 1 - cut
    assert reached == pytest.approx(middle_coverage(n, cut), abs=1e-12)
    assert reached >= level or cut == 1
    assert middle_coverage(n, cut + 1) < level


@pytest.mark.parametrize("n", [5, 8, 20, 60])
@pytest.mark.parametrize("kind", ["exponential", "coarse"])
def test_order_interval_covers_the_median(n, kind):
    rng, trials = np.random.default_rng(n), 1500
    x = rng.exponential(size=(trials, n)) if kind == "exponential" else rng.integers(0, 3, (trials, n)) * 1.0
    median = math.log(2) if kind == "exponential" else 1.0
    intervals = [order_interval(row) for row in x]
    covered = sum(low <= median <= high for _, low, high, _ in intervals)
    (reached,) = {level for *_, level in intervals}
    assert covered / trials >= reached or within(covered, trials, reached)
    assert reached >= 0.95 or n == 5


@pytest.mark.parametrize(
    ("x", "median"),
    [
        ([3, 1, 2], 2),
        ([4, 1, 2, 3], 2.5),
        ([1, 2, INF, INF], 2),
        ([1, INF, INF], INF),
        ([-INF, 1, INF, INF], 1),
    ],
)
def test_median_is_the_lower_middle_where_the_two_have_no_mean(x, median):
    assert order_interval(x)[0] == median


def test_infinite_values_stay_in_the_order_interval():
    x = [*range(1, 15), *[INF] * 6]
    assert order_interval(x)[:3] == (10.5, 6, INF)
    assert order_interval([-INF] * 6 + [0.0] * 14)[:3] == (0, -INF, 0)
    assert order_interval([*range(1, 16), *[INF] * 5])[:3] == (10.5, 6, 15)


def test_nothing_has_no_median():
    assert all(math.isnan(x) for x in order_interval([]))


# Shares


# R's binom.test.
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 20, 0, 0.1684335),
        (1, 10, 0.0025286, 0.4450161),
        (10, 20, 0.2719578, 0.7280422),
        (20, 20, 0.8315665, 1),
    ],
)
def test_clopper_pearson_of_known_values(k, n, low, high):
    assert clopper_pearson(k, n) == pytest.approx((low, high), abs=5e-8)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize(("k", "n"), [(3, 20), (55, 60)])
def test_clopper_pearson_leaves_half_of_the_rest_beyond_each_end(k, n, level):
    low, high = clopper_pearson(k, n, level)
    above = sum(math.comb(n, j) * low**j * (1 - low) ** (n - j) for j in range(k, n + 1))
    below = sum(math.comb(n, j) * high**j * (1 - high) ** (n - j) for j in range(k + 1))
    assert (above, below) == pytest.approx(((1 - level) / 2, (1 - level) / 2), rel=1e-6)


def test_a_share_of_nothing_may_be_anything():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


# The expected search


@pytest.mark.parametrize("n", range(1, 9))
def test_weights_are_the_chance_to_be_the_best_of_a_random_subset(n):
    for size in range(1, n + 1):
        best = [min(subset) for subset in itertools.combinations(range(n), size)]
        expected = [best.count(i) / len(best) for i in range(n)]
        np.testing.assert_allclose(search_weights(n, size), expected, rtol=1e-12)
        assert sum(search_weights(n, size)) == pytest.approx(1, abs=1e-12)


def test_a_search_of_one_is_the_mean_and_of_all_the_winner():
    errors = [0.3, 0.1, 0.7, 0.5]
    assert expected_search(errors, search_weights(4, 1)) == pytest.approx(0.4, abs=1e-15)
    assert expected_search(errors, search_weights(4, 4)) == 0.3


def test_the_best_of_sixteen_draws_makes_half_of_a_search_of_eight():
    weights = search_weights(16, 8)
    assert weights[0] == 0.5
    assert np.count_nonzero(weights) == 9


@pytest.mark.parametrize(("infinite", "finite"), [(7, True), (8, False)])
def test_infinite_errors_count_only_where_a_search_can_end_there(infinite, finite):
    errors = [0.1] * (16 - infinite) + [INF] * infinite
    result = expected_search(errors, search_weights(16, 8))
    assert result == (pytest.approx(0.1) if finite else INF)


# Tied for best


@pytest.mark.parametrize(
    ("beats", "tied"),
    [
        ("", "abcd"),
        ("ab ac ad", "a"),
        ("ac bc ad bd", "ab"),
        ("ab bc ca", "d"),
        ("ab bc cd", "a"),
        ("ab bc ca ad bd cd", "abc"),
        ("ab bc ca cd", "abc"),
        ("ab ba cd dc", "abcd"),
        ("ab ba bc cd dc", "ab"),
        ("ba cb ac dc ad bd", "abcd"),
    ],
)
def test_unbeaten_of_chains_and_circles(beats, tied):
    assert unbeaten("abcd", {tuple(pair) for pair in beats.split()}) == list(tied)


@many
@given(st.sets(st.sampled_from(list(itertools.permutations("abcde", 2)))))
def test_unbeaten_are_the_unbeaten_or_the_smallest_circles_that_no_outsider_beats(beats):
    subsets = [set(s) for size in range(1, 6) for s in itertools.combinations("abcde", size)]
    closed = [s for s in subsets if not any(a not in s and b in s for a, b in beats)]
    smallest = [s for s in closed if not any(other < s for other in closed)]
    alone = [s for s in smallest if len(s) == 1]
    assert set(unbeaten("abcde", beats)) == set().union(*(alone or smallest))
