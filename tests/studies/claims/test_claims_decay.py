"""Decay's claims: what theory gives, tables that hold, fail and stay open, and worlds that are false."""

import math

import numpy as np
import pandas as pd
import pytest

import dlopt
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims import decay
from studies.claims.claim import declared
from studies.folder.schema.tables import TABLES
from tests.support.claimed import seen as measured
from tests.support.claimed import verdict

CLAIMS = declared()


class Never(dlopt.Exponential):
    """A decay that does not decay."""

    def factor(self, epoch):
        return self.gamma**0


class Hasty(dlopt.Exponential):
    """A decay that is done within an epoch or two."""

    def factor(self, epoch):
        return self.gamma ** (200 * epoch)


# Claim 27


@pytest.mark.slow
def test_decay_is_fast_and_stable_per_epoch_and_stops_early_per_step():
    seen = measured(27)
    assert verdict(27) == PARTLY
    last = seen[seen.x == seen.x.max()].set_index("what")
    lr, w0 = decay.LR, decay.START
    hover = lr / (2 * (2 - lr))  # the noisy quadratic's steady height, c = h = B = 1
    assert last.expected[decay.LARGE] == pytest.approx(hover, rel=1e-12)
    assert last.low[decay.LARGE] < hover < last.high[decay.LARGE] * 1.02
    left = w0 * np.prod(1 - lr * 0.95 ** np.arange(400))  # the way that is never gone
    assert last.expected[decay.PER_STEP] == pytest.approx(left**2 / 2, rel=0.02)
    assert last.value[decay.PER_STEP] == pytest.approx(left**2 / 2, rel=0.05)
    assert w0 * math.exp(-1.1 * lr / 0.05) < left < w0 * math.exp(-lr / 0.05)
    # slow decay keeps the noise of its present rate
    now = lr * 0.95 ** (decay.EPOCHS - 1)
    assert last.value[decay.PER_EPOCH] == pytest.approx(now / (2 * (2 - now)), rel=0.35)
    assert seen.iloc[-1].low > 1.1  # digits: per step costs, at its best rate


def test_the_law_is_that_of_many_walks():
    rates = np.array([0.5, 0.5, 0.25, 0.1])
    rng, w = np.random.default_rng(0), np.full(200_000, decay.START)
    heights = [np.mean(w**2) / 2]
    for lr in rates:
        w = w - lr * (w + rng.normal(size=len(w)))
        heights.append(np.mean(w**2) / 2)
    assert decay.risk_law(rates) == pytest.approx(heights, rel=0.02)


def test_heights_decide():
    seen = measured(27)
    both, neither, off = seen.copy(), seen.copy(), seen.copy()
    per_step, per_epoch = (seen.what == name for name in (decay.PER_STEP, decay.PER_EPOCH))
    numbers = ["value", "low", "high", "expected"]
    both.loc[per_step, numbers] = seen.loc[per_epoch, numbers].to_numpy()
    neither.loc[per_epoch, numbers] = seen.loc[per_step, numbers].to_numpy()
    off.loc[off.x == 3, "value"] *= 1.3
    assert [verdict(27, one) for one in (both, neither, off)] == [HOLDS, FAILS, OPEN]


def test_in_part_needs_one_that_is_shown_and_one_that_is_not():
    seen = measured(27)
    ends = seen.x == seen.x.max()
    either = seen.copy()  # per epoch may be as high as an undecayed rate at the end, or lower
    either.loc[ends & (seen.what == decay.PER_EPOCH), "high"] = 1.0
    assert verdict(27, either) == FAILS  # per step is shown not to be, and nothing is shown to be
    wide = seen.copy()
    per_step, per_epoch = (seen.what == name for name in (decay.PER_STEP, decay.PER_EPOCH))
    numbers = ["value", "low", "high", "expected"]
    wide.loc[per_step, numbers] = seen.loc[per_epoch, numbers].to_numpy()
    wide.loc[ends & per_step, "high"] = 1.0
    judged = CLAIMS[27].judge(wide)
    assert judged.verdict == OPEN
    assert not judged.when


@pytest.mark.parametrize("false", [Never, Hasty])
def test_a_decay_that_is_none_or_done_at_once_fails(false, monkeypatch):
    monkeypatch.setattr(dlopt, "Exponential", false)
    monkeypatch.setattr(decay, "stopped", lambda: np.ones((20, 2)))
    assert CLAIMS[27].judge(CLAIMS[27].measure()).verdict == FAILS


# Claim 28

DATASETS, KINDS = ("digits", "wine"), ("sgd", "momentum", "adam")
BETTER = {"verdict": "decay", "estimate": -0.02, "low": -0.03, "high": -0.01}
WORSE = {"verdict": "none", "estimate": 0.02, "low": 0.01, "high": 0.03}
SAME = {"verdict": "not decided", "estimate": 0.0, "low": -0.005, "high": 0.005}
WIDE = {"verdict": "not decided", "estimate": 0.0, "low": -0.05, "high": 0.05}


def table(pooled, each=SAME):
    """A table of decay: over all datasets by optimizer, and the same on each of them."""
    plain = {"p": 0.5, "p_holm": 1.0, "level": 0.95, "margin": 0.01, "blocks": 20}
    lines = [{"scope": "pooled", "optimizer": k} | plain | one for k, one in zip(KINDS, pooled, strict=True)]
    lines += [{"scope": d, "optimizer": k} | plain | each for d in DATASETS for k in KINDS]
    return pd.DataFrame(lines)[list(TABLES["decay"].columns)]


@pytest.mark.parametrize(
    ("pooled", "expected"),
    [
        ([BETTER, BETTER, BETTER], HOLDS),
        ([BETTER, BETTER, WIDE], HOLDS),
        ([BETTER, WIDE, WIDE], PARTLY),
        ([BETTER, BETTER, WORSE], PARTLY),
        ([WORSE, SAME, SAME], FAILS),
        ([SAME, SAME, SAME], FAILS),  # too little to matter
        ([SAME, WIDE, SAME], OPEN),
        ([one | {"verdict": "too few blocks"} for one in (WIDE, WIDE, WIDE)], OPEN),
    ],
)
def test_calls_decide_whether_decay_generalizes(pooled, expected):
    one = CLAIMS[28]
    judged = one.judge(one.measure(table(pooled)))
    assert judged.verdict == expected
    assert judged.low <= judged.effect <= judged.high


def test_the_calls_on_datasets_are_counted():
    shares = CLAIMS[28].measure(table([WORSE] * 3, WORSE)).iloc[-2:]
    assert shares.value.tolist() == [0, 1]
    assert shares.low.iloc[1] == pytest.approx(0.025 ** (1 / 6))  # Clopper-Pearson, 6 of 6


# Claim 29


def costs(worse, wide=0.2):
    """Evidence in which γ = .95 costs so many margins, budget by budget."""
    seen = measured(29)
    held = seen.x == decay.GAMMA
    seen.loc[held, "value"] = worse
    seen["low"], seen["high"] = seen.value - wide, seen.value + wide
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("worse", "wide", "expected"),
    [
        ([0.0, 0.5, -3.0, 0.1], 0.2, HOLDS),
        ([0.0, 0.5, 3.0, 0.1], 0.2, PARTLY),
        ([0.0, 0.5, 1.1, 0.1], 0.2, OPEN),  # three as good, one not known
        ([3.0, 1.1, 3.0, 2.0], 0.2, FAILS),
        ([0.5, 0.6, 0.5, 0.9], 2.0, OPEN),
    ],
)
def test_costs_of_holding_gamma_decide(worse, wide, expected):
    judged = CLAIMS[29].judge(costs(worse, wide))
    assert judged.verdict == expected
    assert judged.effect == max(worse)


def small(monkeypatch):
    monkeypatch.setattr(decay, "BUDGETS", (5,))
    monkeypatch.setattr(decay, "GAMMAS", (1.0, 0.95))


def test_it_fails_where_95_is_done_at_once(monkeypatch):
    small(monkeypatch)
    monkeypatch.setattr(dlopt, "Exponential", Hasty)
    assert CLAIMS[29].judge(CLAIMS[29].measure()).verdict == FAILS


def test_it_holds_where_decay_does_nothing(monkeypatch):
    small(monkeypatch)
    monkeypatch.setattr(dlopt, "Exponential", Never)
    seen = CLAIMS[29].measure()
    assert (seen.value == 0).all()
    assert CLAIMS[29].judge(seen).verdict == HOLDS


def test_trainings_that_break_are_not_forgotten(monkeypatch):
    small(monkeypatch)
    broken = [(kind, (rates[0], 1e30)) for kind, rates in decay.SETS.values()]
    monkeypatch.setattr(decay, "SETS", dict(zip(decay.SETS, broken, strict=True)))
    assert np.isfinite(CLAIMS[29].measure().value).all()  # the other rate wins
    broken = [(kind, (1e30,)) for kind, _ in decay.SETS.values()]
    monkeypatch.setattr(decay, "SETS", dict(zip(decay.SETS, broken, strict=True)))
    assert (CLAIMS[29].measure().value == 0).all()  # all broke alike
