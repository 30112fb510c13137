"""Momentum's claims: what theory gives, tables that hold, fail and stay open, and worlds that are false."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import signal

import dlopt
from dlopt.hyperparameters import decay
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims import momentum
from studies.claims.claim import declared
from studies.folder.schema.tables import TABLES
from tests.support.claimed import seen as measured
from tests.support.claimed import verdict

CLAIMS = declared()
DATASETS = ("digits", "breast_cancer", "wine", "diabetes")
MUCH = math.log(1.1)
FASTER = {"estimate": -0.4, "low": -0.6, "high": -0.2, "verdict": "a"}
SLOWER = {"estimate": 0.4, "low": 0.2, "high": 0.6, "verdict": "b"}
SAME = {"estimate": 0.01, "low": -0.05, "high": 0.06, "verdict": "not decided"}
WIDE = {"estimate": 0.1, "low": -0.6, "high": 0.8, "verdict": "not decided"}


def line(scope, a, b, reading="ratio", margin=MUCH, **more):
    """A line of a table of comparisons."""
    plain = {"p": 0.5, "p_holm": 1.0, "equivalent": False, "a_better": 12, "ties": 0, "blocks": 20}
    plain |= {"a_better_low": 0.3, "a_better_high": 0.8, "a_failed": 0, "b_failed": 0, "margin": margin}
    return {"reading": reading, "scope": scope, "a": a, "b": b} | plain | more


def table(pooled, each):
    """Momentum against SGD, pooled and dataset by dataset."""
    lines = [line("pooled", "momentum", "sgd", **pooled)]
    lines += [line(name, "momentum", "sgd", **one) for name, one in zip(DATASETS, each, strict=True)]
    return pd.DataFrame(lines).reindex(columns=list(TABLES["comparisons"].columns))


def turned(frame):
    """The same comparisons, the other side first."""
    new = frame.assign(a=frame.b, b=frame.a, estimate=-frame.estimate, low=-frame.high, high=-frame.low)
    new["verdict"] = frame.verdict.map({"a": "b", "b": "a"}).fillna(frame.verdict)
    new["a_failed"], new["b_failed"] = frame.b_failed, frame.a_failed
    new["a_better"] = frame.blocks - frame.ties - frame.a_better
    return new


# Claim 13


@pytest.mark.parametrize(
    ("pooled", "each", "expected"),
    [
        (FASTER, [FASTER, FASTER, FASTER, WIDE], HOLDS),
        (FASTER, [FASTER, FASTER, WIDE, WIDE], PARTLY),  # no more than half
        (FASTER, [FASTER, FASTER, FASTER, SLOWER], PARTLY),
        (FASTER, [WIDE] * 4, PARTLY),
        (WIDE, [FASTER, SLOWER, WIDE, WIDE], PARTLY),
        (WIDE, [FASTER, WIDE, WIDE, WIDE], PARTLY),
        (SLOWER, [FASTER, SLOWER, SLOWER, WIDE], FAILS),
        (WIDE, [SLOWER, WIDE, WIDE, WIDE], FAILS),
        (WIDE | {"a_better": 4}, [WIDE] * 4, FAILS),  # first in a fifth of the searches
        (FASTER | {"a_better": 4}, [FASTER] * 4, FAILS),
        (WIDE | {"a_better": 6}, [WIDE] * 4, OPEN),  # 30 % of 20: up to 54 %
        (SAME, [WIDE] * 4, OPEN),
        (WIDE, [WIDE] * 4, OPEN),
        (WIDE | {"verdict": "too few blocks"}, [WIDE] * 4, OPEN),
    ],
)
def test_momentum_is_faster_where_the_calls_say_so(pooled, each, expected, monkeypatch):
    bowls = [("SGD", 100.0, 100.0), ("heavy ball", 20.0, 20.0)]
    monkeypatch.setattr(momentum, "steps_on_bowl", lambda condition: bowls)
    frame, one = table(pooled, each), CLAIMS[13]
    seen = one.measure(frame)
    pd.testing.assert_frame_equal(seen, one.measure(turned(frame)))
    judged = one.judge(seen)
    assert judged.verdict == expected
    assert expected == HOLDS or "faster on every bowl (exact, at the best rates: 0.2 to 0.2" in judged.when
    seen.loc[seen.what.str.startswith("bowl"), "x"] = 1  # bowls are told and decide nothing
    assert one.judge(seen).verdict == expected


def test_steps_on_bowls_are_those_of_the_recursion():
    for condition, (_, plain, law), *forms in ((c, *momentum.steps_on_bowl(c)) for c in (10, 100)):
        assert plain == law == math.ceil(math.log(1e-6) / math.log((condition - 1) / (condition + 1)))
        root = math.sqrt(condition)
        radius = (root - 1) / (root + 1)
        lr, beta = 4 / (1 + 1 / root) ** 2, radius**2
        paths = []
        for h in (1, 1 / condition):  # as a filter: wₜ = (1+β-lr·h)wₜ₋₁ - βwₜ₋₂ from w₀ = 1, w₁ = 1 - lr·h
            recursion = [1, -(1 + beta - lr * h), beta]
            paths.append(signal.lfilter([1, -beta], recursion, np.eye(1, 4000)[0]))
        distance = np.hypot(*paths)
        exact = np.argmax(distance <= 1e-6 * distance[0])
        for _, walked, expected in forms:
            assert walked == expected == exact


class Plain(dlopt.SGD):
    """Plain descent with a β that does nothing."""

    beta: float = decay(0.9)


def test_momentum_that_is_plain_descent_is_not_faster(monkeypatch):
    monkeypatch.setattr(momentum, "CONDITIONS", (10,))
    monkeypatch.setattr(dlopt, "HeavyBall", Plain)
    monkeypatch.setattr(dlopt, "Momentum", Plain)
    one = CLAIMS[13]
    judged = one.judge(one.measure(table(SAME, [SAME] * 4)))
    assert judged.verdict == OPEN
    assert "not faster on every bowl" in judged.when


def test_failures_and_missing_arms_are_not_forgotten():
    failed = table(FASTER | {"a_failed": 1}, [FASTER] * 4)
    assert momentum.compared(failed, "ratio", "pooled", "momentum", "sgd").high == math.inf
    assert momentum.compared(failed, "ratio", "pooled", "sgd", "momentum").low == -math.inf
    assert math.isnan(momentum.compared(failed, "ratio", "pooled", "adam", "sgd").call)
    share = CLAIMS[13].measure(failed).iloc[-1]
    assert share.value == 0.6
    assert (share.low, share.high) == pytest.approx(
        (0.3605, 0.8088), abs=1e-4
    )  # of a table of Clopper-Pearson


# Claim 14


def held(worse, **special):
    """Each value against tuning it too, both readings: so many margins worse; special: by name."""
    lines = []
    for arm, field, symbol, values in momentum.HELD:
        for value in values:
            for reading, name, margin in (("error", "error", 0.01), ("ratio", "speed", MUCH)):
                size = special.get(f"{symbol} = {value:g}, {name}", worse) * margin
                ends = {"estimate": -size, "low": -size - 0.5 * margin, "high": -size + 0.5 * margin}
                lines.append(
                    line(
                        "pooled",
                        arm,
                        f"{arm}-{field}={value:g}",
                        reading,
                        margin,
                        **ends,
                        verdict="not decided",
                    )
                )
    return pd.DataFrame(lines)


@pytest.mark.parametrize(
    ("worse", "special", "expected"),
    [
        (0.1, {}, HOLDS),
        (-3.0, {}, HOLDS),  # better than tuning it
        (0.1, {"β = 0.99, speed": 3.0}, PARTLY),
        (0.1, {"ρ = 0.9, error": 0.8}, OPEN),  # none is worse
        (0.1, {"ρ = 0.9, error": 0.8, "β = 0.99, speed": 3.0}, PARTLY),
        (0.8, {}, OPEN),
        (0.8, {"β = 0.9, error": 3.0}, FAILS),
        (3.0, {}, FAILS),
        (math.nan, {}, OPEN),
    ],
)
def test_held_values_are_judged_by_the_margin(worse, special, expected):
    one, frame = CLAIMS[14], held(worse, **special)
    seen = one.measure(frame)
    pd.testing.assert_frame_equal(seen, one.measure(turned(frame)))
    judged = one.judge(seen)
    assert judged.verdict == expected
    assert all(name in judged.when for name in special)
    if special:
        (name, size), *_ = special.items()
        here = seen[seen.what == name].iloc[0]
        assert (here.value, here.low, here.high) == pytest.approx((size, size - 0.5, size + 0.5))


def test_a_value_that_failed_somewhere_is_not_as_good():
    frame = held(0.1).assign(b_failed=1)
    assert CLAIMS[14].judge(CLAIMS[14].measure(frame)).verdict == OPEN
    assert CLAIMS[14].judge(CLAIMS[14].measure(frame.iloc[:0])).verdict == OPEN  # arms that were not run


def test_a_larger_rho_follows_a_jump_later():
    steps = momentum.steps_to_follow((0.5, 0.8, 0.9, 0.99))
    for rho, found in zip((0.5, 0.8, 0.9, 0.99), steps, strict=True):
        squares = signal.lfilter([1 - rho], [1, -rho], np.full(500, 100.0), zi=[rho * 1.0])[0]
        assert found == 1 + np.argmax(np.sqrt(squares) >= 5.5)


class Deaf(dlopt.RMSprop):
    """RMSprop whose ρ does nothing."""

    def update(self, grad, state, lr):
        return lr * grad / np.sqrt(dlopt.ewa(state.square, grad * grad, 0.9))


def test_a_rho_that_does_nothing_is_seen(monkeypatch):
    monkeypatch.setattr(dlopt, "RMSprop", Deaf)
    judged = CLAIMS[14].judge(CLAIMS[14].measure(held(0.1)))
    assert judged.verdict == PARTLY
    assert "does not follow later" in judged.when
    assert CLAIMS[14].judge(CLAIMS[14].measure(held(3.0))).verdict == FAILS


# Claim 16


def test_momentum_damps_only_near_the_limit():
    seen = measured(16)
    assert verdict(16) == PARTLY
    assert seen.value.to_numpy() == pytest.approx(seen.expected.to_numpy(), rel=1e-9)
    for x in (1.25, 1.75, 1.98):
        law = {"plain descent": (1.0, 0.0), "averaged form": (0.1, 0.9), "heavy ball": (1.0, 0.9)}
        for name, (scale, beta) in law.items():
            path = signal.lfilter([1, -beta], [1, -(1 + beta - scale * x), beta], np.eye(1, 4000)[0])
            here = seen[(seen.what == name) & (seen.x == x)].value.item()
            assert here == pytest.approx(np.abs(np.diff(path)).sum(), rel=1e-9)
            roots = np.abs(np.roots([1, -(1 + beta - scale * x), beta]))
            assert roots.max() == pytest.approx(math.sqrt(0.9) if beta else x - 1)
    plain = seen[seen.what == "plain descent"]
    assert plain.value.to_numpy() == pytest.approx((plain.x / (2 - plain.x)).to_numpy())


def test_ways_across_decide():
    seen = measured(16)
    short, long = seen.copy(), seen.copy()
    others = seen.what != "plain descent"
    short.loc[others, "value"] = 1.0
    long.loc[others, "value"] = 1000.0
    assert [verdict(16, one) for one in (short, long)] == [HOLDS, FAILS]


def test_momentum_that_is_plain_descent_damps_nothing(monkeypatch):
    monkeypatch.setattr(dlopt, "HeavyBall", Plain)
    monkeypatch.setattr(dlopt, "Momentum", Plain)
    assert CLAIMS[16].judge(CLAIMS[16].measure()).verdict == FAILS


def test_momentum_that_brakes_damps_everywhere(monkeypatch):
    class Brakes(Plain):
        """It never goes past the floor."""

        def update(self, grad, state, lr):
            return np.minimum(lr, 1.0) * grad

    monkeypatch.setattr(dlopt, "HeavyBall", Brakes)
    monkeypatch.setattr(dlopt, "Momentum", Brakes)
    assert CLAIMS[16].judge(CLAIMS[16].measure()).verdict == HOLDS
