"""The power of a run's blocks against exact tables, theory and an independent simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.analysis.comparison import Scores, comparisons, ranking
from studies.analysis.power import critical, needed, power, share_found, smallest
from studies.folder.schema.tables import TABLES

RNG = np.random.default_rng


@pytest.mark.parametrize("n", [6, 12, 20, 60, 100])
@pytest.mark.parametrize("level", [0.05, 0.002])
def test_the_critical_sum_is_the_first_that_scipys_exact_test_calls(n, level):
    limit = critical(n, level)
    if 2 ** (1 - n) > level:
        assert math.isinf(limit)
        return
    ranks = np.arange(1.0, n + 1)
    signs, before = np.ones(n), 0.0
    for turned in range(n):  # the sum falls by 2, 4, 6, ...: one of these p-values straddles the level
        p = stats.wilcoxon(signs * ranks, method="exact").pvalue
        reaches = (signs * ranks).sum() / math.sqrt((ranks**2).sum()) >= limit - 1e-12
        assert reaches == (p <= level * (1 + 1e-12))
        before = max(before, p)
        signs[turned] = -1
        if (signs * ranks).sum() <= 0:
            break
    assert before > level


def test_many_blocks_have_the_normal_distributions_limit():
    assert critical(100, 0.05) == pytest.approx(stats.norm.isf(0.025), rel=0.01)
    assert critical(101, 0.05) == pytest.approx(stats.norm.isf(0.025), rel=1e-12)


def test_a_study_finds_what_the_signed_rank_test_calls_in_the_right_direction():
    d = RNG(0).normal(0.5, 1, (300, 20))
    expected = [stats.wilcoxon(one, alternative="greater", method="exact").pvalue <= 0.025 for one in d]
    assert share_found(d, 0.05) == np.mean(expected)
    assert share_found(-d, 0.05) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(("n", "level"), [(60, 0.05), (60, 0.05 / 28), (100, 0.05 / 28)])
def test_the_smallest_difference_of_normal_blocks_is_the_theorys(n, level):
    found = [
        smallest(x, level, RNG(seed)) / x.std() for seed in range(12) for x in [RNG(seed).normal(size=n)]
    ]
    z = stats.norm.isf(level / 2) + stats.norm.isf(0.2)
    assert np.mean(found) == pytest.approx(z / math.sqrt(n * 3 / math.pi), rel=0.08)


def test_a_shift_of_that_size_is_found_in_80_percent_by_scipy():
    noise = RNG(1).standard_t(3, 40)
    found = smallest(noise, 0.01, RNG(2))
    centred = noise - np.median([(a + b) / 2 for i, a in enumerate(noise) for b in noise[i:]])
    studies = RNG(3).choice(centred, (1500, 40)) + found
    p = np.array([stats.wilcoxon(one, method="approx", correction=False).pvalue for one in studies])
    assert np.mean(p <= 0.01) == pytest.approx(0.8, abs=0.05)


def test_so_many_blocks_decide_in_80_percent_by_scipy():
    d = RNG(4).normal(0.4, 1, 30)
    blocks = needed(d, 0.01, RNG(5))
    shares = [
        np.mean([stats.wilcoxon(RNG([6, i]).choice(d, n)).pvalue <= 0.01 for i in range(800)])
        for n in (int(blocks * 0.8), int(blocks))
    ]
    assert shares[0] < 0.8
    assert shares[1] == pytest.approx(0.82, abs=0.06)


def test_what_no_number_of_blocks_could_decide():
    assert math.isnan(smallest(RNG(0).normal(size=5), 0.05, RNG(0)))  # 2 / 2^5 is above the level
    assert smallest(np.zeros(20), 0.05, RNG(0)) == 0
    assert math.isinf(needed(np.zeros(20), 0.05, RNG(0)))
    assert math.isinf(needed(np.tile([-1.0, 1.0], 10), 0.05, RNG(0)))
    assert math.isinf(needed(np.array([]), 0.05, RNG(0)))


def placed(d):
    """Scores, ranking and comparisons of three optimizers on one dataset, from their readings."""
    pairs = [("sgd", "adam"), ("sgd", "momentum"), ("adam", "momentum")]
    scores = Scores("error", pairs, ["wine"], np.array(d)[:, None, :])
    calls = comparisons(scores, {"wine": "classification"})
    return scores, ranking(scores, calls, ["sgd", "adam", "momentum"]), calls


def test_the_table_is_of_the_first_two_and_a_positive_difference_favours_the_first():
    base = RNG(7).normal(size=(3, 25)) + np.array([[0.8], [0.0], [0.3]])  # adam, then momentum, then sgd
    base[2, 3] = np.inf
    scores, order, calls = placed([base[0] - base[1], base[0] - base[2], base[1] - base[2]])
    (line,) = power(scores, order, seed=0).to_dict("records")
    assert list(line) == list(TABLES["power"].columns)
    assert (line["first"], line["second"], line["blocks"]) == ("adam", "momentum", 24)
    one = calls[(calls.scope == "wine") & (calls.a == "adam") & (calls.b == "momentum")].iloc[0]
    assert line["difference"] == -one.estimate > 0
    assert line["level"] == 0.05 / 3
    alone = smallest(np.delete(base[2] - base[1], 3), 0.05, RNG(0))
    assert line["found"] > 1.1 * alone  # three pairs want smaller p-values
    pd.testing.assert_frame_equal(power(scores, order, seed=0), power(scores, order, seed=0))


def test_one_optimizer_has_no_pair():
    scores = Scores("error", [], ["wine"], np.empty((0, 1, 1)))
    order = pd.DataFrame({"reading": ["error"], "scope": ["wine"], "place": [1], "optimizer": ["sgd"]})
    assert power(scores, order, seed=0).empty
