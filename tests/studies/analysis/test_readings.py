"""What is compared, against plain enumeration, slow loops and closed forms."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.analysis import readings
from tests.support.planted import Optimizer, best_of_subsets, curve, frame, many, row, search, study

INF = math.inf


def searches(seed, n, worst=1.0):
    """A search with tied validation losses, diverged draws and unequal halves, its lines in any order."""
    rng = np.random.default_rng(seed)
    diverged = np.flatnonzero(rng.random(n) < 0.2)
    lines = search("d", 0, "sgd", rng.random(n), rng.integers(0, n, n), diverged, worst=worst)
    for line in lines:
        line["decay"] = ("none", "exponential")[int(rng.random() < 0.3)]
    return frame("rows", [lines[i] for i in rng.permutation(n)])


def ratio(*sides):
    """The log ratio of two envelopes."""
    return readings.log_ratio(
        *(readings.descent(*side[["examples", "loss"]].to_numpy(float).T) for side in sides)
    )


def fall(depths, examples=None, start=1.0):
    """An envelope whose log loss is so far below the start at the examples."""
    examples = np.arange(len(depths)) if examples is None else examples
    return pd.DataFrame({"examples": examples, "loss": start * np.exp(-np.asarray(depths, float))})


# A search


def test_a_search_is_ranked_by_validation_loss_with_ties_by_draw_and_diverged_last():
    errors, losses = [0.5, 0.4, 0.3, 0.2, 0.1], [2.0, 1.0, 0.5, 1.0, 3.0]
    rows = frame("rows", search("d", 0, "sgd", errors, losses, diverged=(2, 0)))
    for seed in range(5):
        shuffled = rows.sample(frac=1, random_state=seed)
        assert readings.ranked(shuffled).draw.tolist() == [1, 3, 4, 0, 2]


@pytest.mark.parametrize("n", [2, 5, 6, 12])
@pytest.mark.parametrize("seed", range(3))
def test_search_readings_are_means_over_all_subsets_of_the_draws(n, seed):
    rows = searches(seed, n)
    lines = rows.to_dict("records")
    (read,) = readings.search_readings(rows).to_dict("records")
    assert read["search_error"] == pytest.approx(best_of_subsets(lines, n // 2), abs=1e-12)
    assert read["winner_error"] == best_of_subsets(lines, n)
    assert read["diverged"] == sum(line["status"] == "diverged" for line in lines)
    assert read["rows"] == n
    halves = {d: [line for line in lines if line["decay"] == d] for d in ("none", "exponential")}
    size = min(map(len, halves.values())) // 2
    for name, half in halves.items() if size else ():
        assert read[f"{name}_error"] == pytest.approx(best_of_subsets(half, size), abs=1e-12)


@pytest.mark.parametrize(("failed", "finite"), [(7, True), (8, False), (16, False)])
def test_diverged_draws_reach_the_reading_only_where_a_search_of_half_ends_there(failed, finite):
    lines = search("d", 0, "sgd", [0.2] * 16, diverged=range(16 - failed, 16), worst=INF)
    (read,) = readings.search_readings(frame("rows", lines)).to_dict("records")
    assert read["search_error"] == (pytest.approx(0.2) if finite else INF)
    assert not any(
        math.isnan(x) for name, x in read.items() if name.endswith("_error") and name != "untuned_error"
    )


def test_a_diverged_draw_of_a_classifier_counts_with_error_one():
    lines = search("d", 0, "sgd", [0.2, 0.3], diverged=(1,))
    (read,) = readings.search_readings(frame("rows", lines)).to_dict("records")
    assert (read["search_error"], read["winner_error"]) == (pytest.approx(0.6), 0.2)


def test_untuned_and_confirming_rows_are_no_part_of_a_search():
    lines = search("d", 0, "sgd", [0.2, 0.3, 0.4])
    alone = readings.search_readings(frame("rows", lines))
    others = [
        row("d", 0, "sgd", 0, 0.77, 0.0, kind="untuned", decay="none"),
        row("d", 0, "sgd", 1, 0.0, 0.0, kind="confirm", decay="none"),
    ]
    beside = readings.search_readings(frame("rows", others + lines))
    assert math.isnan(alone.untuned_error[0])
    assert beside.untuned_error.tolist() == [0.77]
    pd.testing.assert_frame_equal(beside.drop(columns="untuned_error"), alone.drop(columns="untuned_error"))


def test_every_search_has_one_reading_of_its_own():
    keys = list(itertools.product(("c", "d"), (0, 1, 2), ("adam", "sgd")))
    levels = dict(zip(keys, np.random.default_rng(0).random(len(keys)), strict=True))
    lines = [line for key, level in levels.items() for line in search(*key, [level] * 4)]
    read = readings.search_readings(frame("rows", lines)).set_index(["dataset", "block", "optimizer"])
    assert len(read) == len(levels)
    for key, level in levels.items():
        assert read.search_error[key] == pytest.approx(level, abs=1e-12)


@pytest.mark.parametrize("worst", [1.0, INF])
@pytest.mark.parametrize("seed", range(3))
def test_best_of_k_is_the_mean_over_all_subsets_of_k_draws(seed, worst):
    rows = searches(seed, 7, worst)
    found = readings.best_of_k(rows)
    assert found.k.tolist() == list(range(1, 8))
    expected = [best_of_subsets(rows.to_dict("records"), k) for k in range(1, 8)]
    np.testing.assert_allclose(found.test_error, expected, rtol=1e-12)


@many
@given(st.lists(st.floats(0, 1), min_size=2, max_size=10))
def test_more_draws_never_hurt_where_validation_is_the_test(errors):
    lines = search("d", 0, "sgd", errors, losses=errors)
    assert np.all(np.diff(readings.best_of_k(frame("rows", lines)).test_error) <= 1e-12)


# Envelopes


def plain_envelopes(rows, curves):
    """Walk over all positions of a search: the lowest loss of any draw that did not diverge, so far."""
    ok = {
        (r.dataset, r.block, r.optimizer, r.draw)
        for r in rows.itertuples()
        if r.kind == "search" and r.status == "ok"
    }
    lines = [c for c in curves.itertuples() if c.kind == "search"]
    found = {}
    for line in lines:
        group = [c for c in lines if c[1:4] == line[1:4]]
        alive = [c for c in group if (*c[1:4], c.draw) in ok or c.examples == 0]
        if line in alive:
            so_far = [c.validation_loss for c in alive if c.examples <= line.examples]
            found[(*line[1:4], line.examples)] = min(so_far)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_envelopes_are_the_lowest_loss_so_far_of_any_living_draw(seed):
    rng = np.random.default_rng(seed)
    rows, points = [], []
    for block, name in itertools.product(range(2), ("adam", "sgd")):
        start = rng.uniform(1, 2)
        lines = search("d", block, name, [0.1] * 4, diverged=np.flatnonzero(rng.random(4) < 0.4))
        for line in lines:
            examples = [0, *sorted(rng.choice(np.arange(1, 30), 6, replace=False))]
            losses = [start, *rng.uniform(0, 2, 6)]
            points += curve(line, losses, examples)
        untuned = row("d", block, name, 0, 0.1, 0.0, kind="untuned", decay="none")
        rows += [*lines, untuned]
        points += curve(untuned, [start, 0.0, 0.0])
    rows, curves = frame("rows", rows), frame("curves", points).sample(frac=1, random_state=seed)
    found = readings.envelopes(rows, curves)
    expected = plain_envelopes(rows, curves)
    keys = list(found[["dataset", "block", "optimizer", "examples"]].itertuples(index=False, name=None))
    assert keys == sorted(expected)
    assert found.loss.tolist() == [expected[key] for key in keys]


def test_a_search_that_diverged_whole_keeps_only_the_shared_start():
    lines = search("d", 0, "sgd", [0.1, 0.1], diverged=(0, 1))
    curves = frame("curves", [c for line in lines for c in curve(line, [0.7, 0.01, INF])])
    found = readings.envelopes(frame("rows", lines), curves)
    assert found[["examples", "loss"]].to_numpy().tolist() == [[0, 0.7]]


# The ratio of examples


def test_targets_lie_at_eighths_of_the_way_in_log_loss():
    # b reaches j eighths at j examples, a at j²: the mean of log j is log(8!)/8.
    a = fall(range(9), np.arange(9) ** 2)
    b = fall(range(9))
    assert ratio(a, b) == pytest.approx(math.log(math.factorial(8)) / 8, abs=1e-12)


def test_examples_are_interpolated_linearly_in_log_loss():
    a, b = fall([0, 8], [0, 80]), fall([0, 2, 8], [0, 10, 40])
    # a needs 10·j for the j-th target, b 5·j: the targets between records are met on straight lines.
    assert ratio(a, b) == pytest.approx(math.log(2), abs=1e-12)


@pytest.mark.parametrize("slower", [0.5, 1.25, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_curve_slowed_by_a_factor_has_its_log(slower, seed):
    rng = np.random.default_rng(seed)
    depths, examples = np.cumsum(rng.exponential(size=30)), np.cumsum(rng.integers(1, 50, 30))
    fast = fall([0, *depths], [0, *examples], start=2.3)
    slow = fall([0, *depths], slower * np.array([0, *examples]), start=2.3)
    assert ratio(slow, fast) == pytest.approx(math.log(slower), abs=1e-12)
    assert ratio(fast, slow) == pytest.approx(-math.log(slower), abs=1e-12)


@pytest.mark.parametrize("slower", [1.1, 2.0, 7.0])
def test_the_ratio_of_exponential_falls_is_that_of_their_rates(slower):
    # After the same training the slow side ends higher, and its end is the last target.
    x = np.arange(0, 2001, 10)
    fast, slow = fall(0.007 * x, x), fall(0.007 * x / slower, x)
    assert ratio(slow, fast) == pytest.approx(math.log(slower), abs=1e-9)


def test_what_one_side_does_below_the_worse_of_the_two_ends_does_not_count():
    a, b = fall([0, 1, 2, 4]), fall([0, 0.5, 3, 4])
    deeper = fall([0, 0.5, 3, 4, 9, 20])
    assert ratio(a, deeper) == ratio(a, b) != 0
    assert ratio(deeper, a) == ratio(b, a)


def test_the_first_crossing_counts():
    a, b = fall([0, 4, 4, 4, 8], [0, 1, 5, 9, 10]), fall([0, 4, 8], [0, 1, 2])
    after = [9 + j / 4 for j in range(1, 5)], [1 + j / 4 for j in range(1, 5)]
    expected = sum(math.log(x / y) for x, y in zip(*after, strict=True)) / 8
    assert ratio(a, b) == pytest.approx(expected, abs=1e-12)


depths = st.lists(st.integers(0, 6), min_size=1, max_size=6).map(lambda steps: np.cumsum([0, *steps]) / 4)


@many
@given(depths, depths)
def test_the_ratio_is_antisymmetric_and_zero_for_equal_curves(one, other):
    a, b = fall(one), fall(other, np.arange(len(other)) * 3)
    d = ratio(a, b)
    assert not math.isnan(d)
    assert ratio(b, a) == pytest.approx(-d, abs=1e-12)
    assert ratio(a, a) == ratio(b, b) == 0
    assert math.isinf(d) == ((one[-1] > 0) != (other[-1] > 0))


def test_turning_a_pair_turns_its_ratio_to_the_last_bit():
    # Else equal distances in two blocks part or meet with the order in which optimizers are listed.
    rng = np.random.default_rng(0)
    for _ in range(50):
        sides = [fall([0, *np.cumsum(rng.random(9))]) for _ in range(2)]
        assert ratio(*sides) == -ratio(*sides[::-1])


@pytest.mark.parametrize("failed", [[0], [0, 0, 0], [0, -0.5]])
def test_a_side_that_never_gets_below_the_start_has_failed(failed):
    good, bad = fall([0, 1, 2]), fall(failed)
    assert ratio(good, bad) == -INF
    assert ratio(bad, good) == INF
    assert ratio(bad, fall([0, 0])) == 0


def test_losses_of_zero_count_as_a_ten_millionth():
    a, b = fall([0, 2, 3, 5]), fall([0, 1, 9, 20])
    zero, floor = b.copy(), b.copy()
    zero.loss, floor.loss = [1, 0.3, 0, 0], [1, 0.3, 1e-7, 1e-7]
    assert ratio(a, zero) == ratio(a, floor)
    whole = [fall([0, j], [0, x]) for j, x in ((math.log(1e7), 30), (100, 10))]
    assert ratio(*whole) == pytest.approx(math.log(3), abs=1e-12)


@pytest.mark.parametrize("start", [0.3, 0.7, 1.9, 5.0])
def test_a_fall_of_one_rounding_error_still_has_a_ratio(start):
    least, good = fall([0, 0]), fall([0, 1, 2], start=start)
    least.loss = [start, np.nextafter(np.nextafter(start, 0), 0)]
    assert math.isfinite(ratio(least, good))
    assert math.isfinite(ratio(good, least))


def test_another_optimizer_changes_no_ratio():
    rows, curves = study(
        {"sgd": Optimizer(), "momentum": Optimizer(speed=2), "adam": Optimizer(speed=9)}, "cd", 4
    )
    lowest = readings.envelopes(rows, curves)
    three = readings.log_ratios(lowest, ["sgd", "momentum", "adam"])
    two = readings.log_ratios(lowest[lowest.optimizer != "adam"], ["sgd", "momentum"])
    assert three[["a", "b"]].drop_duplicates().to_numpy().tolist() == [
        ["sgd", "momentum"],
        ["sgd", "adam"],
        ["momentum", "adam"],
    ]
    kept = three[(three.a == "sgd") & (three.b == "momentum")].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, two)


def test_ratios_are_taken_within_blocks():
    # Each block has its own start: sides of different blocks would not meet.
    rows, curves = study({"sgd": Optimizer(), "adam": Optimizer()}, ["d"], 3, draws=2)
    lowest = readings.envelopes(rows, curves)
    found = readings.log_ratios(lowest, ["adam", "sgd"])
    for line in found.itertuples():
        a, b = (lowest[(lowest.block == line.block) & (lowest.optimizer == name)] for name in ("adam", "sgd"))
        assert line.log_ratio == ratio(a, b)
    assert found.block.tolist() == [0, 1, 2]


def test_diverged_draws_give_nothing_to_the_ratio():
    good = search("d", 0, "sgd", [0.1])
    other = search("d", 0, "adam", [0.1, 0.1], diverged=(1,))
    falls = {"slow": [1.0, 0.8, 0.6], "fast": [1.0, 0.1, INF]}
    curves = [
        *curve(good[0], falls["slow"]),
        *curve(other[0], falls["slow"]),
        *curve(other[1], falls["fast"]),
    ]
    lowest = readings.envelopes(frame("rows", good + other), frame("curves", curves))
    assert readings.log_ratios(lowest, ["sgd", "adam"]).log_ratio.tolist() == [0.0]
