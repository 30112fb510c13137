"""Claims on small networks: against theory, on tables that hold, fail and stay open, and in false worlds."""

import numpy as np
import pytest
from scipy import integrate, optimize

import datasets
import dlopt
from dlopt.models import MLP
from studies.analysis.statistics import clopper_pearson
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims.claim import declared
from studies.claims.optima import networks, width
from tests.support.claimed import seen as measured
from tests.support.claimed import verdict

CLAIMS = declared()
RNG = np.random.default_rng(5)


def changed(seen, what, x, **values):
    """A table with other numbers at one place; x: None for all of them."""
    at = seen.what.str.startswith(what) & (True if x is None else seen.x == x)
    assert at.any()
    for column, value in values.items():
        seen.loc[at, column] = value
    return seen


# Claim 30


def rows(block):
    data = datasets.load("moons").block(block)
    return np.vstack([data.X_train[:48].T, np.ones(48)]), 2.0 * data.y_train[:48] - 1


def test_the_share_of_positive_matrices_is_the_published_one():
    found = [networks.exactly_positive(size) for size in (1, 2, 3)]
    known = [1 / 2, (2 - np.sqrt(2)) / 4, (np.pi - 2 * np.sqrt(2)) / (4 * np.pi)]  # Dean & Majumdar 2008
    assert found == pytest.approx(known, rel=1e-9)
    square = RNG.standard_normal((100_000, 4, 4))
    least = np.linalg.eigvalsh(square + square.transpose(0, 2, 1))[:, 0]
    low, high = clopper_pearson(int((least > 0).sum()), 100_000, 0.999)
    assert low <= networks.exactly_positive(4) <= high


def test_the_law_is_where_the_exact_shares_go():
    # the law is the leading order: -ln P / n² comes down to ln(3)/4 as n grows
    rates = np.array([-np.log(networks.exactly_positive(n)) / n**2 for n in range(2, 11)])
    assert (np.diff(rates) < 0).all()
    assert (rates > np.log(3) / 4).all()
    n = np.arange(2, 11)  # the next term falls as 1/n
    assert np.polyfit(1 / n[-4:], rates[-4:], 1)[1] == pytest.approx(np.log(3) / 4, abs=0.02)


def test_gradient_and_curvature_are_those_of_the_loss():
    columns, targets = rows(0)
    params = RNG.standard_normal((3, 9))

    def height(w):
        return networks.slopes(w[None], columns, targets)[0][0]

    for w, slope, bent in zip(
        params,
        networks.slopes(params, columns, targets)[1],
        networks.curvatures(params, columns, targets),
        strict=True,
    ):
        inner, outer = w[:6].reshape(2, 3), w[6:8]
        plain = [outer @ np.tanh(inner @ one) + w[8] - y for one, y in zip(columns.T, targets, strict=True)]
        assert height(w) == pytest.approx(np.mean(np.square(plain)) / 2 + 0.005 * w @ w)
        assert slope == pytest.approx(optimize.approx_fprime(w, height, 1e-7), abs=1e-5)
        ahead = RNG.standard_normal(9)
        second = (height(w + 1e-3 * ahead) - 2 * height(w) + height(w - 1e-3 * ahead)) / 1e-6
        assert ahead @ bent @ ahead == pytest.approx(second, rel=1e-3, abs=1e-4)


def test_points_that_are_said_to_be_level_are():
    columns, targets = rows(1)
    losses, falling = networks.level_points(columns, targets, 2, 1)
    # with all weights 0 but the last bias nothing is known of the features: always a saddle
    mean = targets.mean() / (1 + networks.PENALTY)
    nothing = np.mean((mean - targets) ** 2) / 2 + networks.PENALTY / 2 * mean**2
    assert np.isclose(losses, nothing, atol=1e-7).any()
    assert falling[np.isclose(losses, nothing, atol=1e-7)][0] > 0
    best = min(
        optimize.minimize(
            lambda w: tuple(each[0] for each in networks.slopes(w[None], columns, targets)),
            start,
            jac=True,
            method="BFGS",
            options={"gtol": 1e-8},
        ).fun
        for start in RNG.standard_normal((20, 9))
    )
    assert losses.min() >= best - 1e-7


@pytest.mark.slow
def test_saddles_prevail():
    seen = measured(30)
    assert verdict(30) == HOLDS
    assert (seen[seen.what == "network: loss × falling directions"].low > 0).all()


def test_saddles_on_tables():
    judge = CLAIMS[30].judge
    many = {"value": 0.7, "low": 0.6, "high": 0.8}
    assert judge(changed(measured(30), "network: minima", 17, **many)).verdict == PARTLY
    assert judge(changed(measured(30), "network: minima", 17, low=0.2, high=0.6)).verdict == OPEN
    wrong = changed(measured(30), "matrices: minima", 3, value=0.1, low=0.09, high=0.11)
    assert judge(wrong).verdict == PARTLY
    assert judge(changed(wrong, "network: minima", 17, **many)).verdict == FAILS
    assert judge(changed(measured(30), "network: minima", 5, value=0.01)).verdict == OPEN


def test_saddles_do_not_prevail_where_there_are_none(monkeypatch):
    def bowls(params, columns, targets):
        return np.sum((params - 1) ** 2, axis=1) / 2, params - 1

    def raised(rng, size, alive):
        return rng.standard_normal((size, alive)), rng.standard_normal(alive) + 100

    monkeypatch.setattr(networks, "MATRICES", 500_000)
    monkeypatch.setattr(networks, "HIDDEN", (1, 3))
    monkeypatch.setattr(networks, "slopes", bowls)
    assert CLAIMS[30].judge(CLAIMS[30].measure()).verdict == PARTLY
    monkeypatch.setattr(networks, "triangles", raised)
    seen = CLAIMS[30].measure()
    assert (seen[seen.what.str.contains("minima")].value == 1).all()
    assert CLAIMS[30].judge(seen).verdict == FAILS


# Claim 31


def test_plateaus_slow_some_networks_and_not_others():
    seen = measured(31)
    assert verdict(31) == PARTLY
    exact = seen[seen.what.str.startswith("surface")]
    assert exact.value.to_numpy() == pytest.approx(exact.expected.to_numpy(), rel=0.01)
    shares = seen[~seen.what.str.startswith("surface")]
    assert shares[["low", "value", "high"]].stack().between(0, 1).all()
    assert (shares.low <= shares.value).all()
    assert (shares.value <= shares.high).all()


def test_the_plateau_surface_takes_as_long_as_its_differential_equation():
    def height(w):
        return 2 * (1 - np.exp(-w * w / 2))

    def arrived(t, w):
        return height(w[0]) - 0.1 * height(3.5)

    arrived.terminal = True
    line = integrate.solve_ivp(
        lambda t, w: -w * np.exp(-w * w / 2), (0, 500), [3.5], events=arrived, max_step=0.02
    )
    slopes = line.y[0] * np.exp(-(line.y[0] ** 2) / 2)
    for slow in networks.SLOW:
        edge = line.t[np.argmax(slopes > slow * slopes.max())]
        assert networks.slow_share(slow) == pytest.approx(edge / line.t[-1], rel=0.005)


def test_slow_steps_are_told_apart():
    # one run waits at 0.6 and leaves, one stays there, one is quick, one diverges; ln classes is 1
    losses = np.array(
        [[1.0, 1, 1, 1], [0.6, 0.6, 0, 9], [0.6, 0.6, 0, np.inf], [0.6, 0.6, 0, np.inf], [0, 0.6, 0, np.inf]]
    )
    sizes = np.array([[1.0, 1, 1, 1], *[[0.01, 0.01, 0.01, np.nan]] * 4])
    left, stayed = networks.slow_steps(losses, sizes, 1.0, 0.1)
    assert left.tolist() == [0.75, 0, 0, 0]
    assert stayed.tolist() == [0, 0.8, 0, 0]


def test_descents_are_plain_descent():
    losses, sizes, _ = networks.descents(("", "wine", 60, 4, 1.0, 40), range(3), [0.1])
    data = datasets.load("wine").block(0)
    X, y = data.X_train[:60], data.y_train[:60]
    block = dlopt.Split(X, y, X, y, X, y, 3, seed=2)
    run = dlopt.train(dlopt.MLP(4), block, dlopt.SGD(lr=0.1), batch_size=60, epochs=40)
    at = run.curves.steps
    np.testing.assert_allclose(losses[at, 2], run.curves.validation_loss[:, 0], rtol=1e-4)
    # a small step lowers the loss by rate × size²
    falls = -np.diff(losses[:, 2]) / 0.1
    np.testing.assert_allclose(falls, sizes[:-1, 2] ** 2, rtol=0.2)


def test_plateaus_on_tables():
    judge, (low, middle, high) = CLAIMS[31].judge, networks.SLOW
    names = [case[0] for case in networks.CASES]
    yes, no = {"value": 0.8, "low": 0.7, "high": 0.9}, {"value": 0.1, "low": 0.0, "high": 0.2}

    def table(*kinds):
        seen = measured(31)
        for name, kind in zip(names, kinds, strict=True):
            changed(seen, f"{name}: on", None, **kind)
        return seen

    def told(*kinds):
        return judge(table(*kinds)).verdict

    maybe = {"value": 0.5, "low": 0.3, "high": 0.6}
    assert [told(yes, yes, yes), told(no, no, no)] == [HOLDS, FAILS]
    assert [told(yes, maybe, yes), told(maybe, no, no), told(yes, no, maybe)] == [OPEN, FAILS, PARTLY]
    for x in (low, high):  # another threshold says the contrary, or cannot tell
        assert judge(changed(table(yes, yes, yes), f"{names[2]}: on", x, **no)).verdict == OPEN
        assert judge(changed(table(yes, yes, no), f"{names[2]}: on", x, **yes)).verdict == OPEN
        assert judge(changed(table(yes, yes, yes), f"{names[2]}: on", x, **maybe)).verdict == HOLDS
    alone = changed(table(maybe, maybe, maybe), f"{names[2]}: on", low, **yes)
    assert judge(changed(alone, f"{names[2]}: on", high, **yes)).verdict == OPEN
    assert middle == 0.1


def test_nothing_is_slow_without_a_hidden_layer(monkeypatch):
    # a convex loss: neither plateaus nor local minima
    monkeypatch.setattr(dlopt, "MLP", lambda hidden: MLP())
    seen = CLAIMS[31].measure()
    assert CLAIMS[31].judge(seen).verdict == FAILS
    assert (seen[seen.what == "all: near minima"].value == 0).all()


@pytest.mark.parametrize("rate", [0.3, 3.0])  # dead starts end alike at all: a last bit may choose any
def test_starts_that_are_dead_are_near_minima(monkeypatch, rate):
    class Dead(MLP):
        def start(self, layers, rng):
            return (rng.random() > 0.9) * super().start(layers, rng)

    monkeypatch.setattr(dlopt, "MLP", Dead)
    monkeypatch.setattr(networks, "CASES", networks.CASES[:1])
    monkeypatch.setattr(networks, "FULL_RATES", (rate,))
    seen = CLAIMS[31].measure()
    assert CLAIMS[31].judge(seen).verdict == FAILS
    assert seen[seen.what == "all: near minima"].value.max() > 0.5


# Claim 34


@pytest.mark.slow
def test_wide_networks_are_not_stuck():
    assert verdict(34) == HOLDS
    losses = measured(34)[lambda seen: seen.what == "moons: loss"].sort_values("x")
    assert losses.value.is_monotonic_decreasing


def test_stuck_on_tables():
    judge = CLAIMS[34].judge
    many, some = {"value": 0.5, "low": 0.3, "high": 0.7}, {"value": 0.1, "low": 0.03, "high": 0.2}
    one = changed(measured(34), "moons: share", 64, **many)
    assert judge(one).verdict == PARTLY
    assert judge(changed(one, "hard: share", 32, **many)).verdict == FAILS
    assert judge(changed(measured(34), "hard: share", 32, **some)).verdict == OPEN
    never = changed(measured(34), "moons: share", None, low=0.0, high=0.09)
    assert judge(changed(never, "hard: share", None, low=0.0, high=0.09)).verdict == PARTLY
    assert judge(changed(measured(34), "hard: range", 32, value=9.0)).verdict == PARTLY


def test_wide_networks_that_are_born_dead_are_stuck(monkeypatch):
    class Stillborn(dlopt.MLP):
        def start(self, layers, rng):
            alive = rng.random() > 0.4 or self.widths[0] < 8
            return alive * super().start(layers, rng)

    monkeypatch.setattr(width, "TABLES", (("moons", 300, 60, (4, 32)),))
    assert CLAIMS[34].judge(CLAIMS[34].measure()).verdict != FAILS
    monkeypatch.setattr(dlopt, "MLP", Stillborn)
    seen = CLAIMS[34].measure()
    assert CLAIMS[34].judge(seen).verdict == FAILS
    share = seen[(seen.what == "moons: share stuck") & (seen.x == 32)].value.item()
    assert share == pytest.approx(0.4, abs=0.2)


def test_rates_are_chosen_inside_their_grid(monkeypatch):
    real, chosen = dlopt.train, []

    def spy(model, blocks, optimizer, **more):
        chosen.append(np.ravel(optimizer.lr))
        return real(model, blocks, optimizer, **more)

    monkeypatch.setattr(dlopt, "train", spy)
    for units in (4, 16):
        width.endings(*width.TABLES[0][:3], units)
    assert all(width.RATES[0] < rate < width.RATES[-1] for rates in chosen[1::2] for rate in rates)
