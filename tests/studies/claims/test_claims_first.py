"""Claims on averages, methods and saddles: where they hold, fail, stay open, and in worlds that are false."""

import functools
import re

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

import datasets
import dlopt
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims import adam, momentum
from studies.claims.claim import declared
from studies.claims.optima import saddles
from tests.support.claimed import seen as measured
from tests.support.claimed import verdict

CLAIMS = declared()
EXPECTED = {10: HOLDS, 11: HOLDS, 21: FAILS, 24: FAILS, 32: HOLDS, 33: PARTLY}


@pytest.mark.parametrize(("number", "expected"), EXPECTED.items())
def test_verdicts_are_those_that_theory_gives(number, expected):
    assert verdict(number) == expected


def best_rates(heavy, averaged, spread=0.2):
    """Rows of searches whose best rates are so many times SGD's, give or take; each has a worse draw too."""
    rows: list[tuple] = []
    for dataset in ("wine", "digits"):
        for block, off in enumerate(np.linspace(-1, 1, 20)):
            for arm, times in (("sgd", 1.0), ("heavyball", heavy), ("momentum", averaged)):
                best = 0.1 * (block + 1) * (1.0 if arm == "sgd" else times * np.exp(spread * off))
                search = [(0, 77.0, 0.9), (1, best, 0.3), (2, 1e-9, np.inf)]
                rows += [(dataset, block, arm, "search", *draw) for draw in search]
                rows.append((dataset, block, arm, "untuned", 0, 5.0, 0.1))
    names = ["dataset", "block", "optimizer", "kind", "draw", "lr", "best_validation_loss"]
    return pd.DataFrame(rows, columns=names)


@functools.cache
def of_best_rates(*how):
    """The evidence of claim 15 on such rows."""
    return CLAIMS[15].measure(best_rates(*how))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ((0.1, 0.5), HOLDS),
        ((0.1, 1.5), PARTLY),
        ((3.0, 0.5), PARTLY),
        ((2.0, 1.5), FAILS),
        ((1.0, 1.5), FAILS),
        ((0.1, 1.0, 1.0), OPEN),
        ((1.0, 1.0), OPEN),
    ],
)
def test_best_rates_decide(how, expected):
    seen = of_best_rates(*how)
    judged = CLAIMS[15].judge(seen)
    assert judged.verdict == expected
    assert seen.value.iloc[:2].to_numpy() == pytest.approx(how[:2])
    assert (judged.effect, judged.low, judged.high) == tuple(seen.loc[0, ["value", "low", "high"]])
    # the exact part is told and decides nothing
    assert CLAIMS[15].judge(seen.assign(value=seen.value.where(seen.index < 3, 0.5))).verdict == expected


def test_best_rates_are_paired_by_block_and_in_order_statistics_of_means():
    rows = best_rates(0.1, 1.5)
    won = rows[rows.best_validation_loss == 0.3].set_index(["optimizer", "dataset", "block"]).lr
    logs = np.log(won["heavyball"] / won["sgd"]).to_numpy()
    means = np.sort([(a + b) / 2 for i, a in enumerate(logs) for b in logs[i:]])
    one = of_best_rates(0.1, 1.5).iloc[0]
    assert np.log(one.value) == pytest.approx(np.median(means))
    # Wilcoxon's 2.5 % point of 40 pairs is 264, of a table
    assert np.log([one.low, one.high]) == pytest.approx([means[264], means[-265]])


def test_largest_stable_rates_are_those_of_the_characteristic_polynomials():
    seen = CLAIMS[15].measure(best_rates(1.0, 1.0)).iloc[3:]
    assert seen.value.to_numpy() == pytest.approx(seen.expected.to_numpy(), rel=2 * momentum.NEAR)
    # roots of z² - (1 + β - αh) z + β lie inside the circle up to αh = 2(1 + β)
    for rate, inside in ((3.79, True), (3.81, False)):
        assert (np.abs(np.roots([1, -(1.9 - rate), 0.9])).max() < 1) == inside


def test_steps_off_a_saddle_are_those_of_the_linear_law():
    seen = measured(32).iloc[1:]
    # y after t steps is normal with the law's spread, so half are out when its quartile reaches 1
    quartile = stats.norm.ppf(0.75)
    exact = [
        np.log(np.sqrt(1 + ((1 + saddles.LR) ** 2 - 1) / (quartile * s * saddles.LR) ** 2))
        / np.log(1 + saddles.LR)
        for s in seen.x
    ]
    assert (seen.low <= np.ceil(exact)).all()
    assert (np.ceil(exact) <= seen.high + 2).all()


# A world in which the claim is false


def wrong_average(mean, x, beta):
    mean *= beta
    mean += x  # (1-β) is forgotten
    return mean


def test_claims_of_averages_fail_where_averages_are_wrong(monkeypatch):
    monkeypatch.setattr(dlopt, "ewa", wrong_average)
    for one in (CLAIMS[10], CLAIMS[11]):
        assert one.judge(one.measure()).verdict == FAILS


def test_the_start_is_not_low_where_it_begins_at_the_value(monkeypatch):
    monkeypatch.setattr(dlopt, "ewa", lambda mean, x, beta: np.copyto(mean, x) or mean)
    assert CLAIMS[11].judge(CLAIMS[11].measure()).verdict == FAILS


def test_a_correction_that_lengthens_the_start_is_seen(monkeypatch):
    class Slow(adam.Uncorrected):
        def update(self, grad, state, lr):
            return 0.1 * super().update(grad, state, lr)

    monkeypatch.setattr(adam, "Uncorrected", Slow)
    seen = CLAIMS[24].measure()
    assert CLAIMS[24].judge(seen).verdict == HOLDS
    seen.loc[(seen.what == "not corrected") & (seen.x < 5), "value"] = 2.0
    assert CLAIMS[24].judge(seen).verdict == PARTLY


def test_momentum_that_does_not_amplify_is_told(monkeypatch):
    monkeypatch.setattr(dlopt, "HeavyBall", dlopt.Momentum)
    seen = CLAIMS[15].measure(best_rates(1.0, 1.0))
    steps = seen[seen.what.str.startswith("a constant")].value
    assert steps.to_numpy() == pytest.approx([1.0, 1.0])
    assert "under a steady gradient it steps 1.0 times as far" in CLAIMS[15].judge(seen).when


def test_momentum_that_is_plain_descent_needs_no_smaller_rate():
    """A small real study in which both forms are SGD under other names."""
    network, table = dlopt.MLP(8), datasets.load("wine")
    draws, rows = np.geomspace(1e-3, 1, 12), []
    for arm in ("sgd", "heavyball", "momentum"):
        optimizer = dlopt.SGD(lr=draws)
        runs = dlopt.train(network, [table.block(i) for i in range(8)], optimizer, batch_size=64, epochs=3)
        rows += [
            ("wine", block, arm, "search", i, draws[i], loss)
            for block, one in enumerate(runs)
            for i, loss in enumerate(one.best_validation_losses)
        ]
    names = ["dataset", "block", "optimizer", "kind", "draw", "lr", "best_validation_loss"]
    seen = CLAIMS[15].measure(pd.DataFrame(rows, columns=names))
    assert CLAIMS[15].judge(seen).verdict == OPEN
    assert (seen.iloc[:3][["value", "low", "high"]] == 1).all(axis=None)


def test_rates_that_only_one_searched_are_told_apart():
    rows = best_rates(1e-5, 1.0, 0.0)  # too low for SGD's search
    extra = rows[(rows.optimizer == "heavyball") & (rows.draw == 1)]
    extra = extra.assign(draw=3, lr=5e4 * extra.lr, best_validation_loss=0.4)
    seen = CLAIMS[15].measure(pd.concat([rows[rows.block < 10], extra[extra.block < 10]]))
    assert seen.value.iloc[[0, 2]].to_numpy() == pytest.approx([1e-5, 0.5])


def test_a_forgetful_rmsprop_is_the_snippet(monkeypatch):
    class Forgets(dlopt.RMSprop):
        def update(self, grad, state, lr):
            state.square[:] = 0
            return super().update(grad, state, lr)

    monkeypatch.setattr(dlopt, "RMSprop", Forgets)
    assert CLAIMS[21].judge(CLAIMS[21].measure()).verdict == HOLDS


def test_noise_that_does_not_leave_and_a_full_batch_that_does():
    seen = measured(32)
    stuck, one, odd, slow = seen.copy(), seen.copy(), seen.copy(), seen.copy()
    stuck.loc[1:, ["value", "low", "high"]] = np.inf
    one.loc[1, ["value", "low", "high"]] = np.inf
    odd.loc[0, "value"] = 90.0
    slow.loc[3, "high"] *= 1.4
    found = [CLAIMS[32].judge(each) for each in (stuck, one, odd, slow)]
    assert [each.verdict for each in found] == [FAILS, PARTLY, FAILS, OPEN]
    assert found[1].when == "not with noise 0.1"
    quick = seen.assign(low=0.5 * seen.low, value=0.5 * seen.value, high=0.5 * seen.high)
    assert CLAIMS[32].judge(quick).verdict == FAILS  # inf stays inf


@pytest.mark.slow
def test_noise_that_is_a_thousand_times_as_large_leaves_sooner_than_the_law(monkeypatch):
    class Louder(dlopt.Quadratic):
        def __init__(self, curvatures, start, noise=0.0):
            super().__init__(curvatures, start, noise=1e6 * noise)

    monkeypatch.setattr(dlopt, "Quadratic", Louder)
    assert CLAIMS[32].judge(CLAIMS[32].measure()).verdict == FAILS


def test_methods_that_are_plain_descent_under_other_names_fail(monkeypatch):
    for name in ("Momentum", "HeavyBall", "RMSprop", "Adam"):
        monkeypatch.setattr(dlopt, name, type(name, (dlopt.SGD,), {}))
    seen = CLAIMS[33].measure()
    assert CLAIMS[33].judge(seen).verdict == FAILS
    assert (seen.value == 1).all()


def test_methods_that_are_all_quick_and_a_network_that_cannot_tell():
    judge, seen = CLAIMS[33].judge, measured(33)
    network = seen.what.str.contains("network")
    seen["value"] = 0.3
    seen.loc[network, ["low", "high"]] = 0.2, 0.5
    assert judge(seen).verdict == HOLDS
    seen.loc[network, "high"] = 0.6
    assert judge(seen).verdict == OPEN
    seen.loc[seen.what.str.startswith("Adam 0.01, saddle"), "value"] = np.inf
    assert judge(seen).verdict == PARTLY
    assert judge(seen[network | np.isinf(seen.value)]).verdict == FAILS


def test_a_jump_that_lands_well_does_not_arrive_and_two_that_never_do_tie():
    values = np.array([[9.0, 9, 9], [0, 9, 9], [9, 1, 9], [9, 0, 9]])
    assert saddles.stays_below(values, 1.0).tolist() == [np.inf, 2, np.inf]
    assert saddles.first_below(values, 1.0).tolist() == [1, 2, np.inf]
    steps = np.array([[4.0, np.inf, np.inf], [2, np.inf, 3]])
    ((_, _, middle, low, high, _),) = saddles.compared("", [dlopt.SGD, dlopt.Adam], [1, 1], steps)
    assert (middle, low, high) == (0.5, 0.0, 1.0)


def test_steps_off_saddles_and_plateaus_are_those_of_closed_forms():
    steps, plain = {}, {}
    for line in measured(33).itertuples():
        kind, _, place, sgd = re.match(r"(\w+) (\S+), (\S+) \(SGD \S+: (\d+)\)", line.what).groups()
        plain[place] = int(sgd)
        steps[f"{kind}, {place}"] = line.value * int(sgd)
    assert plain["saddle"] == np.ceil(np.log(1e6) / np.log(1.01))  # 1,389: y grows by 1.01 a step, x is gone
    push = np.array([[1.01, 0.9], [0.01, 0.9]])  # heavy ball on (y, v): y + v with v = .9v + .01y
    grown = [np.linalg.matrix_power(push, n)[0] @ [1e-6, 0] for n in (225, 226)]
    assert grown[0] < 1 <= grown[1]
    assert steps["HeavyBall, saddle"] == pytest.approx(226)
    # plateau: dw/dt = -w·exp(-w²/2) takes (Ei(w₀²/2) - Ei(w₁²/2))/2; a thousandth is left at w₁²/2 = .001
    time = (special.expi(3.5**2 / 2) - special.expi(0.001)) / 2
    assert plain["plateau"] == pytest.approx(time, rel=0.1)  # at rate 1 steps near the minimum are large

    def fallen(t, w):
        return w[0] ** 3 - 3 * w[0] * w[1] ** 2 + 0.5

    fallen.terminal = True
    line = integrate.solve_ivp(
        lambda t, w: [3 * w[1] ** 2 - 3 * w[0] ** 2, 6 * w[0] * w[1]],
        (0, 100),
        [0.3, 1e-3],
        events=fallen,
        rtol=1e-8,
        atol=1e-12,
    )
    assert plain["monkey-saddle"] == pytest.approx(line.t[-1] / 0.01, rel=0.02)


def test_no_rate_off_a_plateau_is_the_smallest_and_plain_descent_takes_the_largest_in_use():
    off = measured(33).what[lambda what: what.str.contains("plateau|network")]
    chosen = off.str.extract(r"^\w+ (\S+),.*\(SGD (\S+):").astype(float)
    assert chosen.shape == (8, 2)
    assert (chosen[1] == 1).all()
    assert (chosen[0] > saddles.GRID[0]).all()
    assert (saddles.GRID[0], saddles.GRID[-1]) == pytest.approx((0.01, 1))


def test_the_network_starts_on_a_plateau():
    losses, sizes, knows_nothing = saddles.descents(saddles.NETWORK, range(10), [1.0])
    assert losses[:10] == pytest.approx(knows_nothing, rel=0.01)
    assert (sizes[1:10] < 0.1 * sizes.max(axis=0)).all()  # after the output's bias has found its place
