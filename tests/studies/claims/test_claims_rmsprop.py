"""RMSprop's claims: what theory gives, tables that hold, fail and stay open, and worlds that are false."""

import math

import numpy as np
import pytest
from scipy import optimize, signal

import datasets
import dlopt
from dlopt.hyperparameters import decay
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims.claim import declared
from studies.claims.rmsprop import changing, scale
from tests.support.claimed import seen as measured
from tests.support.claimed import verdict

CLAIMS = declared()
EXPECTED = {17: PARTLY, 18: HOLDS, 19: PARTLY, 20: PARTLY, 22: HOLDS}


@pytest.mark.parametrize(("number", "expected"), EXPECTED.items())
def test_verdicts_are_those_that_theory_gives(number, expected):
    assert verdict(number) == expected


def asked(number):
    """Its verdict in the world as it is patched now."""
    return CLAIMS[number].judge(CLAIMS[number].measure()).verdict


class Plain(dlopt.SGD):
    """Plain descent with RMSprop's fields, which do nothing."""

    rho: float = decay(0.9)


# Claim 18


def test_adagrad_falls_as_its_law_says_and_rmsprop_does_not():
    seen = measured(18).set_index(["what", "x"]).value
    for t in (100, 1000, 10_000):  # the mean of 1/√k from t/2 to t
        law = 2 * (math.sqrt(t) - math.sqrt(t / 2)) / (t / 2)
        assert seen["AdaGrad, steady", t] == pytest.approx(law, rel=0.01)
        assert seen["AdaGrad, noisy", t] == pytest.approx(law / math.sqrt(2), rel=0.1)
        assert seen["RMSprop, steady", t] == pytest.approx(1, rel=1e-3)


def test_steps_that_stall_and_steps_that_nobody_can_tell():
    seen = measured(18)
    last, mine = seen.x == 10_000, seen.what.str.startswith("RMSprop")
    stalled, steady, wide, half = (seen.copy() for _ in range(4))
    stalled.loc[mine & last, ["value", "low", "high"]] = 0.01
    steady.loc[~mine & last, ["value", "low", "high"]] = 1.0
    wide.loc[mine & last, ["low", "high"]] = (0.01, 1.0)
    half.loc[(seen.what == "RMSprop, noisy") & last, ["value", "low", "high"]] = 0.01
    assert [verdict(18, one) for one in (stalled, steady, wide, half)] == [FAILS, FAILS, OPEN, PARTLY]


def test_an_rmsprop_that_sums_stalls_and_an_adagrad_that_forgets_does_not(monkeypatch):
    class Sums(dlopt.RMSprop):
        def update(self, grad, state, lr):
            state.square += grad * grad
            return lr * grad / np.sqrt(state.square)

    class Forgets(dlopt.Adagrad):
        def update(self, grad, state, lr):
            return lr * grad / np.sqrt(dlopt.ewa(state.total, grad * grad, 0.9))

    monkeypatch.setattr(dlopt, "RMSprop", Sums)
    assert asked(18) == FAILS
    monkeypatch.undo()
    monkeypatch.setattr(dlopt, "Adagrad", Forgets)
    assert asked(18) == FAILS


# Claim 17


def test_steps_of_plain_descent_are_those_of_its_law():
    start = np.random.default_rng(0).normal(size=(scale.SEEDS, scale.DIMENSIONS))
    along = np.broadcast_to(np.eye(scale.DIMENSIONS), (scale.SEEDS, scale.DIMENSIONS, scale.DIMENSIONS))
    for axes in (along, scale.turned(scale.SEEDS)):  # a rotation changes nothing for it
        walked = scale.steps_within(dlopt.SGD, 100, axes, start)
        assert walked.tolist() == scale.steps_law(100, start).tolist()
    h = np.geomspace(0.01, 1, scale.DIMENSIONS)

    def distance(t, lr):
        return np.sum(np.abs(1 - lr * h) ** (2 * t) * start[0] ** 2) / np.sum(start[0] ** 2) - 1e-4

    assert walked[0] == min(math.ceil(optimize.brentq(distance, 0, 1e6, args=(lr,))) for lr in scale.LR)


def test_rmsprop_does_not_see_a_scale_along_the_axes():
    seen = measured(17)
    mine = seen[seen.what.str.endswith("axes")]
    assert mine.value.to_numpy() == pytest.approx(mine.value.iloc[0], rel=0.02)
    assert np.allclose(scale.turned(3) @ scale.turned(3).swapaxes(1, 2), np.eye(scale.DIMENSIONS))


def test_bowls_decide():
    seen = measured(17)
    mine, bad = seen.what != "plain descent", seen.x >= 100
    quick, slow, wide = (seen.copy() for _ in range(3))
    quick.loc[mine, ["value", "low", "high"]] = 20.0
    slow.loc[mine, ["value", "low", "high"]] = np.inf
    wide.loc[mine & bad, ["low", "high"]] = (1.0, np.inf)
    one_wide = quick.copy()
    one_wide.loc[one_wide.index[-1], ["low", "high"]] = (1.0, np.inf)  # none is shown to be slow
    one_slow = one_wide.copy()
    one_slow.loc[mine & (seen.x == 100), ["value", "low", "high"]] = np.inf
    tables = (quick, slow, wide, one_wide, one_slow)
    assert [verdict(17, one) for one in tables] == [HOLDS, FAILS, OPEN, OPEN, PARTLY]


def test_an_rmsprop_that_is_plain_descent_is_no_quicker(monkeypatch):
    monkeypatch.setattr(scale, "CONDITIONS", (1, 100))
    monkeypatch.setattr(dlopt, "RMSprop", Plain)
    assert asked(17) == FAILS


# Claim 22


@pytest.mark.parametrize("kind", [dlopt.RMSprop, dlopt.Adam, dlopt.Adagrad])
def test_a_dead_input_divides_zero_by_zero_unless_there_is_an_epsilon(kind):
    grad = np.array([0.0, 1.0])
    with np.errstate(invalid="ignore"):
        without, _ = kind(eps=0.0).step(np.ones(2), grad)
    with_, _ = kind(eps=1e-8).step(np.ones(2), grad)
    assert np.isnan(without).tolist() == [True, False]
    assert with_[0] == 1.0
    assert with_[1] == pytest.approx(without[1], rel=1e-6)


def test_the_datasets_have_the_inputs_that_the_claim_speaks_of():
    for name, dead in (("digits", True), ("breast_cancer", False)):
        table = datasets.load(name)
        for i in range(scale.SEEDS):
            X = np.asarray(table.block(i).X_train)
            assert bool((np.ptp(X, axis=0) == 0).any()) == dead


def test_steps_against_epsilon_are_those_of_the_law():
    seen = measured(22)
    steps = seen[seen.what.str.startswith("step")].set_index("x").value
    assert [steps[x] for x in (1e-8, 0.01, 1.0, 100.0)] == pytest.approx([1, 100 / 101, 0.5, 1 / 101])
    assert steps[1e4] == pytest.approx(1e-4, rel=1e-3)  # descent with lr/ε


def test_trainings_with_and_without_epsilon_decide():
    seen = measured(22)
    ends = ["value", "low", "high"]
    useless, changes, few, wide = (seen.copy() for _ in range(4))
    useless.loc[seen.what.str.contains("ε = 0"), ends] = (0.0, 0.0, 0.17)
    changes.loc[seen.what.str.contains("loss"), ends] = (1.2, 1.1, 1.3)
    few.loc[seen.what.str.contains("ε = 0"), ends] = (0.5, 0.3, 0.7)
    wide.loc[seen.what.str.contains("loss"), ends] = (1.0, 0.9, 1.1)
    assert [verdict(22, one) for one in (useless, changes, few, wide)] == [FAILS, PARTLY, OPEN, OPEN]


def test_an_rmsprop_that_never_divides_by_zero_needs_no_epsilon(monkeypatch):
    class Safe(dlopt.RMSprop):
        def update(self, grad, state, lr):
            root = np.sqrt(dlopt.ewa(state.square, grad * grad, self.rho)) + self.eps
            return lr * np.divide(grad, root, out=np.zeros_like(grad), where=root > 0)

    monkeypatch.setattr(dlopt, "RMSprop", Safe)
    assert asked(22) == FAILS


def test_an_epsilon_that_counts_a_million_times_changes_what_lives(monkeypatch):
    class Loud(dlopt.RMSprop):
        def update(self, grad, state, lr):
            return lr * grad / (np.sqrt(dlopt.ewa(state.square, grad * grad, self.rho)) + 1e6 * self.eps)

    monkeypatch.setattr(dlopt, "RMSprop", Loud)
    assert asked(22) == PARTLY


# Claim 19


def test_heights_of_plain_descent_are_those_of_the_closed_form(monkeypatch):
    monkeypatch.setattr(changing, "CHANGES", (0,))
    monkeypatch.setattr(changing, "TRACKING", np.array([0.5]))
    found = changing.tracked({"SGD": dlopt.SGD})["SGD"]
    assert found.shape == (2, 1, changing.SEEDS)
    t, law = np.arange(changing.WALK), 0.0
    for h in (0.1, 1.0):
        left = (1 - 0.5 * h) ** 2  # of a squared distance; noise of variance .09 adds (lr · .3)²
        law += h / 2 * np.mean(left**t + 0.25 * 0.09 * (1 - left**t) / (1 - left))
    assert found.mean() == pytest.approx(law, rel=0.1)


def test_minima_jump_as_often_as_is_said():
    minima, scales, _ = changing.worlds()
    jumps = (np.abs(np.diff(minima, axis=0)).sum(axis=-1) > 0).sum(axis=0)
    assert (jumps == np.array(changing.CHANGES)[:, None]).all()
    assert (scales[:, 0] == 1).all()
    assert scales[:, 1].min() >= 0.1 > 0.09
    assert 9 < scales[:, 1].max() <= 10


def test_heights_decide():
    seen = measured(19)
    ends = ["value", "low", "high"]
    low, high, wide = (seen.copy() for _ in range(3))
    low[ends] = (2.0, 1.8, 2.2)
    high[ends] = (0.5, 0.4, 0.6)
    wide[ends] = (1.0, 0.5, 2.0)
    one_wide, one_high = low.copy(), low.copy()
    one_wide.loc[0, ends] = (1.0, 0.5, 2.0)
    one_high.loc[0, ends] = (0.5, 0.4, 0.6)
    tables = (low, high, wide, one_wide, one_high)
    assert [verdict(19, one) for one in tables] == [HOLDS, FAILS, OPEN, OPEN, PARTLY]


def test_walks_that_diverged_count_as_the_worst():
    finite, lost = np.full(20, 2.0), np.full(20, np.inf)
    assert changing.ratio_of(lost, finite) == (math.inf,) * 3
    assert changing.ratio_of(finite, lost) == (0.0,) * 3
    assert changing.ratio_of(lost, lost) == (1.0,) * 3
    assert changing.ratio_of(finite, finite / 2) == pytest.approx((2.0,) * 3)


def test_an_rmsprop_that_is_adagrad_does_not_cope(monkeypatch):
    monkeypatch.setattr(changing, "WALK", 1024)
    monkeypatch.setattr(dlopt, "RMSprop", dlopt.Adagrad)
    assert asked(19) == FAILS


# Claim 20


def test_steps_at_even_distances_are_those_of_the_law():
    for gap in (2, 10, 500):
        present = (np.arange(5000) % gap == 0).astype(float)
        place = np.zeros((1, 1))
        step = scale.walker(dlopt.RMSprop(lr=1.0), place)
        for one in present:
            before = place.copy()
            step(np.full((1, 1), one))
            if one:
                way = (before - place).item()
        squares = signal.lfilter([0.1], [1, -0.9], present)
        assert way == pytest.approx(1 / np.sqrt(squares[present > 0][-1]), rel=1e-6)
        assert way == pytest.approx(math.sqrt((1 - 0.9**gap) / 0.1), rel=1e-6)


def test_random_appearances_are_near_the_law():
    seen = measured(20)
    assert seen.value.to_numpy() == pytest.approx(seen.expected.to_numpy(), rel=0.1)


def test_rarity_decides():
    seen = measured(20)
    ends = ["value", "low", "high"]
    grows, flat, wide = (seen.copy() for _ in range(3))
    for name in ends:
        grows[name] = seen.x
        flat[name] = 1.0
    wide["low"], wide["high"] = 0.5, 2.0
    last = seen.index[(seen.what == "RMSprop") & (seen.x == 500)]
    one_wide, one_flat = grows.copy(), grows.copy()
    one_wide.loc[last, "low"] = 200.0  # about as high as at 250, or higher
    one_flat.loc[last, ends] = 250.0
    tables = (grows, flat, wide, one_wide, one_flat)
    assert [verdict(20, one) for one in tables] == [HOLDS, FAILS, OPEN, OPEN, PARTLY]


def test_an_rmsprop_that_is_plain_descent_steps_the_same_for_all(monkeypatch):
    monkeypatch.setattr(dlopt, "RMSprop", Plain)
    assert asked(20) == FAILS


def test_an_rmsprop_with_a_long_memory_does_what_is_said(monkeypatch):
    class Long(dlopt.RMSprop):
        rho: float = decay(0.999)

    monkeypatch.setattr(dlopt, "RMSprop", Long)
    assert asked(20) == HOLDS
