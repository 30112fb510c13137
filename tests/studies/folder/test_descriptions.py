"""Rankings, the forest, best of k, tuning, decay and learning rates on planted studies."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from studies.analysis import comparison, readings, statistics, tuning
from studies.analysis.comparison import Scores
from tests.support.planted import (
    best_of_subsets,
    exact_sign_flip,
    frame,
    holm_by_closure,
    middle_coverage,
    midranks,
    row,
    search,
)

INF = math.inf


def scored(d, reading="error"):
    """Differences (pairs, datasets, blocks) as scores of as many optimizers as their pairs need."""
    d = np.asarray(d, float)
    count = next(k for k in range(2, 99) if k * (k - 1) // 2 == len(d))
    names = list("abcdefgh"[:count])
    datasets = [f"d{i}" for i in range(d.shape[1])]
    return Scores(reading, list(itertools.combinations(names, 2)), datasets, d), names


# The ranked list


def test_mean_ranks_of_errors_are_midranks_within_blocks():
    rng = np.random.default_rng(0)
    names, errors = list("pqrs"), rng.choice([0.1, 0.2, 0.3, INF], (2, 9, 4))
    lines = [
        {"dataset": f"d{i}", "block": j, "optimizer": o, "search_error": errors[i, j, k]}
        for i, j, (k, o) in itertools.product(range(2), range(9), enumerate(names))
    ]
    scores = comparison.error_scores(pd.DataFrame(lines), names, ["d0", "d1"])
    expected = np.array([[midranks(list(block)) for block in dataset] for dataset in errors])
    np.testing.assert_array_equal(comparison.mean_ranks(scores, names), expected)
    calls = comparison.comparisons(scores, dict.fromkeys(["d0", "d1"], "regression"))
    placed = comparison.ranking(scores, calls, names)
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
    assert comparison.mean_ranks(scores, list("pqrs"))[0, 0].tolist() == [2.5, 2.5, 1, 4]


def test_everyone_whom_no_other_beats_is_unbeaten():
    # a and b beat c on every block, and neither beats the other.
    d = np.full((3, 1, 20), -1.0)
    d[0, 0] = np.tile([-1, 1], 10)
    scores, names = scored(d)
    placed = comparison.ranking(scores, comparison.comparisons(scores, {"d0": "classification"}), names)
    assert set(placed[placed.unbeaten].optimizer) == {"a", "b"}
    assert placed[placed.optimizer == "c"].place.tolist() == [3, 3]


def test_a_circle_of_calls_is_unbeaten_whole():
    d = np.full((6, 1, 20), -1.0)  # ab ac ad bc bd cd: a beats b beats c, all beat d
    d[1] = 1.0  # and c beats a
    scores, names = scored(d)
    placed = comparison.ranking(scores, comparison.comparisons(scores, {"d0": "classification"}), names)
    assert set(placed[placed.unbeaten].optimizer) == {"a", "b", "c"}


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
    scores = comparison.error_scores(read, names, ["d"])
    placed = comparison.ranking(scores, comparison.comparisons(scores, {"d": "regression"}), names)
    return comparison.forest(read, placed, floors or {"d": 0.001}).set_index("optimizer")


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
    found = tuning.best_of_k(frame("rows", [line for block in blocks for line in block]))
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
    (found,) = tuning.tuning(readings.search_readings(frame("rows", lines))).itertuples()
    return found


def test_tuning_is_worth_the_defaults_error_less_what_a_search_reached():
    found = tuned([0.3, 0.31, 0.32, 0.33, 0.34, 0.35], [0.1] * 6)
    assert (found.untuned, found.searched, found.estimate) == pytest.approx((0.325, 0.1, 0.225))
    assert (found.low, found.high, found.level) == pytest.approx((0.2, 0.25, 0.95))
    assert (found.untuned_failed, found.blocks) == (0, 6)


@pytest.mark.parametrize("worst", [1.0, INF])
def test_diverged_defaults_are_counted_as_failed(worst):
    assert tuned([None, 0.3, None, 0.3, 0.3, 0.3, 0.3], [0.1] * 7, worst).untuned_failed == 2


TASKS = dict.fromkeys("cd", "classification")


def halved(gain, blocks=8, noise=0.0):
    """Readings of two optimizers on two datasets whose decayed draws are better by a gain."""
    rng, lines = np.random.default_rng(0), []
    for dataset, block, name in itertools.product("cd", range(blocks), ("sgd", "adam")):
        errors = [0.5 - gain * (j % 2) + noise * rng.random() for j in range(8)]
        lines += search(dataset, block, name, errors)
    return readings.search_readings(frame("rows", lines).sample(frac=1, random_state=0))


@pytest.mark.parametrize(("gain", "call"), [(0.1, "decay"), (-0.1, "none"), (0.0, "as good")])
def test_decay_is_called_where_it_helps(gain, call):
    found = tuning.decay(halved(gain), ["sgd", "adam"], ["c", "d"], TASKS)
    assert found.verdict.tolist() == [call] * 6
    assert found.estimate.tolist() == pytest.approx([-gain] * 6, abs=1e-12)
    assert found[["scope", "optimizer", "blocks"]].to_numpy().tolist() == [
        *[["pooled", name, 16] for name in ("sgd", "adam")],
        *[[scope, name, 8] for name, scope in itertools.product(("sgd", "adam"), "cd")],
    ]


def test_decay_is_tested_within_each_optimizer_and_dataset():
    read = halved(0.2, blocks=7, noise=0.6)
    read["d"] = read.exponential_error - read.none_error
    found = tuning.decay(read, ["sgd", "adam"], ["c", "d"], TASKS).set_index(["scope", "optimizer"])
    for optimizer, mine in read.groupby("optimizer"):
        ranks = {scope: statistics.signed_ranks(d.to_numpy()) for scope, d in mine.groupby("dataset").d}
        ranks["pooled"] = np.concatenate(list(ranks.values()))
        for scope, scores in ranks.items():
            assert found.p[scope, optimizer] == exact_sign_flip(scores)
    assert found.p.nunique() == 6  # so that none stands in another's place


def test_decay_corrects_over_optimizers_and_singly_over_datasets_too():
    found = tuning.decay(halved(0.1, noise=0.6), ["sgd", "adam"], ["c", "d"], TASKS)
    for family in (found[found.scope == "pooled"], found[found.scope != "pooled"]):
        np.testing.assert_allclose(family.p_holm, holm_by_closure(family.p.tolist()), rtol=1e-12)
    assert len(set(found.p)) > 3


def test_decay_says_too_few_blocks_of_single_datasets():
    found = tuning.decay(halved(0.1, blocks=6), ["sgd", "adam"], ["c", "d"], TASKS)
    assert found.verdict.tolist() == ["decay"] * 2 + ["too few blocks"] * 4  # 2/2⁶ × 4 = .125


def test_blocks_in_which_decay_cannot_be_read_are_no_ties():
    # Four draws on three batch sizes: in every second block, one of the four is without decay.
    lines = []
    for block in range(20):
        for j in range(4):
            decay = "none" if j == 0 or (j == 2 and block % 2) else "exponential"
            error = 0.4 if decay == "exponential" else 0.5
            lines.append(row("d", block, "sgd", j, error, j + 1.0, decay=decay))
    found = tuning.decay(readings.search_readings(frame("rows", lines)), ["sgd"], ["d"], TASKS)
    assert found.estimate.tolist() == pytest.approx([-0.1] * 2)


def rates(lines):
    """Which bins of learning rates are good, for (lr, validation error, diverged) in one block."""
    rows = [
        row("d", 0, "sgd", j, error, 1.0, diverged=diverged, settings={"lr": lr})
        for j, (lr, error, diverged) in enumerate(lines)
    ]
    return tuning.learning_rates(frame("rows", rows), {"d": 0.01})


def test_good_learning_rates_are_the_bottom_of_a_valley():
    # Error .1·(1 + x²), x in decades from .01: within .01 of the best up to x = .33, two bins.
    places = np.arange(-4 + 0.125, 0, 0.25)
    found = rates([(10**p, 0.1 * (1 + (p + 2) ** 2), p > -0.5) for p in places])
    assert len(found) == 16
    band = found[found.band]
    assert (band.lr_low.min(), band.lr_high.max()) == pytest.approx((10**-2.25, 10**-1.75))
    assert (band.good == band.rows).all()
    assert found.diverged.tolist() == [0] * 14 + [1] * 2
    np.testing.assert_allclose(np.log10(found.lr_high / found.lr_low), 0.25)


def test_the_band_is_the_longest_run_without_a_gap():
    good = [-4.0, -3.75, -2.0, -1.75, -1.5, -0.5]  # -1.25 has no draws at all, -3 and 0 are bad
    lines = [(1.001 * 10**p, 0.1, False) for p in good] + [(1.001 * 10**p, 0.2, False) for p in (-3.0, 0.0)]
    found = rates(lines)
    assert np.log10(found[found.band].lr_low).tolist() == pytest.approx([-2.0, -1.75, -1.5])


@pytest.mark.parametrize(("bad", "inside"), [(2, True), (3, False)])
def test_a_bin_is_good_when_half_of_its_draws_are_good(bad, inside):
    found = rates([(0.011, 0.1, False), (0.012, 0.109, False)] + [(0.013, 0.12, False)] * bad)
    assert (found.good.tolist(), found.rows.tolist(), found.band.tolist()) == ([2], [2 + bad], [inside])


def test_good_is_what_lies_within_the_margin_however_small_the_best():
    found = rates([(0.011, 0.001, False), (0.012, 0.0105, False), (0.013, 0.0115, False)])
    assert (found.good.tolist(), found.rows.tolist()) == ([2], [3])


def test_a_diverged_draw_is_never_good():
    found = rates([(0.1, 1.0, True), (0.1, 1.0, True)])
    assert (found.good.tolist(), found.band.tolist()) == ([0], [False])


def test_the_best_rate_of_a_size_is_its_blocks_best_sound_draws():
    lines = []
    for block, lr in enumerate([1e-3, 1e-2, 1e-1, 1.0, 10.0]):
        lines.append(row("d", block, "sgd", 0, 0.1, 0.5, settings={"lr": lr}))
        lines.append(row("d", block, "sgd", 1, 0.1, 0.6, settings={"lr": 7.0}))
        lines.append(row("d", block, "sgd", 2, 0.1, 0.1, settings={"lr": 5.0}, batch_size=128))
    for block in (5, 6):  # where all diverged there is no best
        lines.append(row("d", block, "sgd", 0, 0.1, 0.5, settings={"lr": 99.0}, diverged=True))
    found = tuning.best_rates(frame("rows", lines)).set_index("batch_size")
    assert found.loc[64, ["lr", "low", "high", "blocks"]].tolist() == [0.1, 1e-3, 10.0, 5]
    assert found.loc[128, ["lr", "low", "high", "blocks"]].tolist() == [5.0, 5.0, 5.0, 5]
