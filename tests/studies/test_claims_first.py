"""Claims on averages, methods and saddles: where they hold, fail, stay open, and in worlds that are false."""

import numpy as np
import pytest
from scipy import integrate, special, stats

import dlopt
from studies.claims import CLAIMS, FAILS, HOLDS, OPEN, PARTLY, averages, declared, methods, saddles
from tests.studies.claimed import seen as measured
from tests.studies.claimed import verdict

declared()
EXPECTED = {10: HOLDS, 11: HOLDS, 15: PARTLY, 21: FAILS, 24: FAILS, 32: HOLDS, 33: PARTLY}


@pytest.mark.parametrize(("number", "expected"), EXPECTED.items())
def test_verdicts_are_those_that_theory_gives(number, expected):
    assert verdict(number) == expected


def test_largest_stable_rates_are_those_of_the_characteristic_polynomials():
    seen = measured(15)
    assert seen.value.to_numpy() == pytest.approx(seen.expected.to_numpy(), rel=2 * methods.NEAR)
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
    class Slow(averages.Uncorrected):
        def update(self, grad, state, lr):
            return 0.1 * super().update(grad, state, lr)

    monkeypatch.setattr(averages, "Uncorrected", Slow)
    seen = CLAIMS[24].measure()
    assert CLAIMS[24].judge(seen).verdict == HOLDS
    seen.loc[(seen.what == "not corrected") & (seen.x < 5), "value"] = 2.0
    assert CLAIMS[24].judge(seen).verdict == PARTLY


def test_momentum_that_does_not_amplify_needs_no_smaller_rate(monkeypatch):
    monkeypatch.setattr(dlopt, "HeavyBall", dlopt.Momentum)
    assert CLAIMS[15].judge(CLAIMS[15].measure()).verdict == FAILS
    monkeypatch.undo()
    monkeypatch.setattr(dlopt, "Momentum", dlopt.HeavyBall)
    assert CLAIMS[15].judge(CLAIMS[15].measure()).verdict == HOLDS


def test_a_forgetful_rmsprop_is_the_snippet(monkeypatch):
    class Forgets(dlopt.RMSprop):
        def update(self, grad, state, lr):
            state.square[:] = 0
            return super().update(grad, state, lr)

    monkeypatch.setattr(dlopt, "RMSprop", Forgets)
    assert CLAIMS[21].judge(CLAIMS[21].measure()).verdict == HOLDS


def test_noise_that_does_not_leave_and_a_full_batch_that_does():
    seen = measured(32)
    stuck, odd, slow = seen.copy(), seen.copy(), seen.copy()
    stuck.loc[1, "value"] = np.inf
    odd.loc[0, "value"] = 90.0
    slow.loc[3, "value"] *= 1.4
    judge = CLAIMS[32].judge
    assert [judge(one).verdict for one in (stuck, odd, slow)] == [FAILS, FAILS, OPEN]


def test_methods_that_are_plain_descent_under_other_names_fail(monkeypatch):
    for name in ("Momentum", "HeavyBall", "RMSprop", "Adam"):
        monkeypatch.setattr(dlopt, name, type(name, (dlopt.SGD,), {}))
    seen = CLAIMS[33].measure()
    assert CLAIMS[33].judge(seen).verdict == FAILS
    assert (seen.value == seen.expected).all()


def test_methods_that_are_all_quick_and_a_network_that_cannot_tell():
    judge, seen = CLAIMS[33].judge, measured(33)
    network = seen.what.str.contains("network")
    seen["value"] = seen.expected / 3
    seen.loc[network, ["low", "high"]] = seen.expected[network].iloc[0] / 4
    assert judge(seen).verdict == HOLDS
    seen.loc[network, "high"] = seen.expected[network]
    assert judge(seen).verdict == OPEN
    seen.loc[seen.what == "Adam, saddle", "value"] = np.inf
    assert judge(seen).verdict == PARTLY


def test_steps_off_saddles_and_plateaus_are_those_of_closed_forms():
    steps, plain = {}, {}
    for line in measured(33).itertuples():
        steps[line.what], plain[line.what.partition(", ")[2]] = line.value, line.expected
    assert plain["saddle"] == np.ceil(np.log(1e6) / np.log(1.01))  # 1,389: y grows by 1.01 a step, x is gone
    push = np.array([[1.01, 0.9], [0.01, 0.9]])  # heavy ball on (y, v): y + v with v = .9v + .01y
    grown = [np.linalg.matrix_power(push, n)[0] @ [1e-6, 0] for n in (225, 226)]
    assert grown[0] < 1 <= grown[1]
    assert steps["HeavyBall, saddle"] == 226
    # plateau: dw/dt = -w·exp(-w²/2) takes (Ei(w₀²/2) - Ei(w₁²/2))/2; both heights are ½ at w₁²/2 = ln 2
    time = (special.expi(3.5**2 / 2) - special.expi(np.log(2))) / 2
    assert plain["plateau"] == pytest.approx(time / 0.01, rel=0.005)
    assert steps["Momentum, plateau"] == pytest.approx(time / 0.01, rel=0.02)
    assert steps["HeavyBall, plateau"] == pytest.approx(time / 0.1, rel=0.1)  # ten times as long a step

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


def test_rates_on_the_networks_plateau_are_inside_their_grid():
    chosen = measured(33).what.str.extract(r"rate (.*)")[0].dropna().astype(float)
    assert len(chosen) == 4
    assert chosen.between(saddles.GRID[0], saddles.GRID[-1], inclusive="neither").all()
