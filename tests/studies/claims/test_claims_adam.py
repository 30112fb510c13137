"""Adam's claims: what theory gives, tables that hold, fail and stay open, and worlds that are false."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import dlopt
from dlopt.hyperparameters import decay
from studies.analysis.importances import FIFTHS
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY
from studies.claims import adam, searches
from studies.claims.claim import declared
from studies.folder.schema.tables import TABLES
from tests.support.claimed import seen as measured
from tests.support.claimed import verdict

CLAIMS = declared()
MUCH = math.log(1.1)


def line(scope, a, b, reading="ratio", margin=MUCH, **more):
    """A line of a table of comparisons."""
    plain = {"p": 0.5, "p_holm": 1.0, "equivalent": False, "a_better": 12, "ties": 0, "blocks": 20}
    plain |= {"a_better_low": 0.3, "a_better_high": 0.8, "a_failed": 0, "b_failed": 0, "margin": margin}
    plain |= {"verdict": "not decided", "estimate": 0.0, "low": -0.1, "high": 0.1}
    return {"reading": reading, "scope": scope, "a": a, "b": b} | plain | more


def comparisons(lines):
    return pd.DataFrame(lines).reindex(columns=list(TABLES["comparisons"].columns))


# What the searches share


def test_winners_are_read_at_the_lowest_validation_loss():
    validation = np.array([[3.0, 1.0, 2.0], [np.inf, np.inf, 0.5]])
    assert searches.winners(validation, np.array([[7.0, 8.0, 9.0], [4.0, 5.0, 6.0]])).tolist() == [8.0, 6.0]


def test_a_failure_makes_its_end_of_the_interval_infinite():
    d = np.linspace(-1, 1, 20)
    assert searches.between(d)[1:] == pytest.approx((-0.316, 0.316), abs=0.05)
    assert searches.between(np.r_[d, np.inf])[2] == np.inf
    assert searches.between(np.r_[d, -np.inf])[1] == -np.inf


# Claim 12


@pytest.mark.slow
def test_without_correction_a_fixed_rate_goes_farther_and_trains_sooner():
    seen = measured(12)
    fixed = seen[seen.what == "lr = .001"].set_index("x")
    assert verdict(12) == PARTLY
    # (1-.9ᵗ)/√(1-β₂ᵗ), the length of a step without correction over one with it, by t = 120
    t = np.arange(1, 121)
    longer = [np.mean((1 - 0.9**t) / np.sqrt(1 - (1 - 1 / x) ** t)) for x in fixed.index]
    assert np.array_equal(np.array(longer) > 1.1, (fixed.high < -1).to_numpy())
    assert (np.diff(fixed.value) < 0).all() == (np.diff(longer) > 0).all()


def cases(value, wide, some=slice(0), other=3.0):
    """Evidence of so many margins everywhere, and of others in some lines."""
    seen = measured(12).assign(value=float(value))
    seen.loc[seen.index[some], "value"] = other
    return seen.assign(low=seen.value - wide, high=seen.value + wide)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ((0.1, 0.2), HOLDS),
        ((0.1, 0.2, slice(3)), PARTLY),
        ((-3.0, 0.2), FAILS),
        ((3.0, 0.2), FAILS),
        ((0.1, 2.5), OPEN),
        ((0.1, 0.2, slice(3), 1.0), OPEN),  # the same, or not known
    ],
)
def test_margins_decide_whether_the_correction_changes_anything(evidence, expected):
    assert verdict(12, cases(*evidence)) == expected


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(adam, "SECOND", (0.999,))
    monkeypatch.setattr(adam, "RATES", (1e-3, 1e-2))


def test_it_is_chosen_on_validation_and_read_on_test(narrow, monkeypatch):
    shape = (20, 8)  # corrected or not, warm-up or not, two rates each
    validation = np.broadcast_to([1.0, 2.0] * 4, shape)  # the first rate is chosen
    loss = np.broadcast_to([1.0, 0.1] * 2 + [1.21, 0.1] * 2, shape)
    found = searches.Trained(validation, loss, np.zeros(shape))
    monkeypatch.setattr(adam, "trained", lambda *rest: found)
    seen = CLAIMS[12].measure().set_index("what").value
    assert seen["retuned"] == pytest.approx(2)  # 1.1²
    assert seen["retuned, error"] == 0


def test_it_changes_nothing_where_both_are_the_same(narrow, monkeypatch):
    monkeypatch.setattr(adam, "Uncorrected", dlopt.Adam)
    seen = CLAIMS[12].measure()
    assert (seen[["value", "low", "high"]] == 0).all(axis=None)
    assert CLAIMS[12].judge(seen).verdict == HOLDS


def test_it_changes_all_where_adam_without_it_stands_still(narrow, monkeypatch):
    class Still(dlopt.Adam):
        def update(self, grad, state, lr):
            return 0 * grad

    monkeypatch.setattr(adam, "Uncorrected", Still)
    judged = CLAIMS[12].judge(CLAIMS[12].measure())
    assert judged.verdict == FAILS
    assert "worse without: lr = .001" in judged.when


# Claim 23

DATASETS, OTHERS = ("digits", "wine"), ("rmsprop", "sgd")


def tables(beaten=(), call="a"):
    """Ranking and comparisons in which Adam is beaten by RMSprop in some scopes, in speed."""
    ranks, lines = [], []
    for scope in ("pooled", *DATASETS):
        for reading in ("error", "ratio"):
            order = ["rmsprop", "adam", "sgd"]
            lost = scope in beaten and reading == "ratio"
            ranks += [
                {"reading": reading, "scope": scope, "place": i, "optimizer": name, "mean_rank": i}
                | {"unbeaten": not (lost and name == "adam"), "blocks": 20}
                for i, name in enumerate(order, 1)
            ]
            worse = {"verdict": call, "estimate": -0.5, "low": -0.7, "high": -0.3} if lost else {}
            lines += [line(scope, other, "adam", reading, **worse) for other in OTHERS]
    return pd.DataFrame(ranks).reindex(columns=list(TABLES["ranking"].columns)), comparisons(lines)


@pytest.fixture
def at_once(monkeypatch):
    """A world in which all methods arrive as soon."""
    monkeypatch.setattr(adam, "arrivals", lambda ground, kinds: np.full(len(kinds), 10.0))


@pytest.mark.parametrize(
    ("beaten", "call", "expected"),
    [
        ((), "a", HOLDS),
        (("wine",), "a", PARTLY),
        (("wine",), "too few blocks", OPEN),
        (DATASETS, "a", PARTLY),  # on landscapes
    ],
)
def test_adam_works_where_nobody_beats_it(beaten, call, expected, at_once):
    one = CLAIMS[23]
    seen = one.measure(*tables(beaten, call))
    judged = one.judge(seen)
    assert judged.verdict == expected
    assert all(name in judged.when for name in beaten if expected == PARTLY)
    lost = seen[seen.what == "wine"].iloc[0]
    if beaten:  # Adam needs e^.5 times the examples of RMSprop, which is placed first
        assert (lost.value, lost.low, lost.high) == pytest.approx(np.exp((0.5, 0.3, 0.7)))


def test_a_newcomer_that_beats_adam_is_none_of_the_default_study_s(at_once):
    ranks, calls = tables()
    ranks["unbeaten"] = ranks.optimizer != "adam"  # as somebody's own optimizer left it, who is not here
    one = CLAIMS[23]
    assert one.judge(one.measure(ranks, calls)).verdict == HOLDS


def test_arrivals_on_a_ravine_are_those_of_the_closed_form():
    ground = adam.GROUNDS["ravine, κ = 100"]()
    found = adam.arrivals(ground, (dlopt.SGD, dlopt.Momentum))
    t = np.arange(adam.STEPS + 1)
    with np.errstate(all="ignore"):
        height = [0.005 * (1 - lr / 100) ** (2 * t) + 0.5 * (1 - lr) ** (2 * t) for lr in adam.GRID]
    first = [np.argmax(h <= 1e-3 * h[0]) for h in height if h[-1] <= 1e-3 * h[0]]
    assert found[0] == min(first)
    assert found[1] < adam.STEPS


def test_adam_without_its_corrections_is_rmsprop_and_momentum(at_once):
    seen = CLAIMS[23].measure(*tables()).set_index("what").value
    assert seen["apart from RMSprop"] <= 1e-9
    assert seen["apart from momentum"] <= 1e-9


@pytest.mark.parametrize(("name", "other"), [("RMSprop", dlopt.Adagrad), ("Momentum", dlopt.HeavyBall)])
def test_it_joins_nothing_where_they_are_others(name, other, at_once, monkeypatch):
    class Other(other):
        """It takes a ρ that does nothing."""

        rho: float = decay(0.9)

    monkeypatch.setattr(dlopt, name, Other)
    judged = CLAIMS[23].judge(CLAIMS[23].measure(*tables()))
    assert judged.verdict == FAILS
    assert "not made of" in judged.when


def test_an_adam_that_never_arrives_does_not_work(monkeypatch):
    class Still(dlopt.Adam):
        def update(self, grad, state, lr):
            return 1e-9 * super().update(grad, state, lr)

    monkeypatch.setattr(dlopt, "Adam", Still)
    monkeypatch.setattr(adam, "GROUNDS", {"bowl": adam.GROUNDS["bowl, κ = 10"]})
    seen = CLAIMS[23].measure(*tables())
    assert math.isinf(seen[seen.what == "on bowl"].value.item())
    assert CLAIMS[23].judge(seen).verdict == FAILS


# Claim 25


def importances(lr=0.8, first=0.1, error=0.01, **special):
    """A table of importances: lr, β₁ and what is left for β₂; special: lr on a dataset."""
    lines = []
    for dataset in DATASETS:
        own = special.get(dataset, lr)
        shares = {"1-beta1": first, "1-beta2": 1 - own - first, "lr": own}
        lines += [
            {"dataset": dataset, "optimizer": kind, "parameter": name, "importance": share, "error": error}
            | {"rows": 320}
            for kind in ("adam", "sgd")
            for name, share in shares.items()
        ]
    return pd.DataFrame(lines)[list(TABLES["importances"].columns)]


def held(worse, **special):
    """Each held arm against Adam, both readings: so many margins worse; special: an arm's speed."""
    lines = []
    for _, arm in adam.HELD:
        for reading, margin in (("error", 0.01), ("ratio", MUCH)):
            size = (special.get(arm[5:10], worse) if reading == "ratio" else worse) * margin
            ends = {"estimate": -size, "low": -size - 0.5 * margin, "high": -size + 0.5 * margin}
            lines.append(line("pooled", "adam", arm, reading, margin, **ends))
    return comparisons(lines)


@pytest.mark.parametrize(
    ("shares", "table", "expected"),
    [
        (importances(), held(0.1), HOLDS),
        (importances(), held(0.1, beta2=3.0), PARTLY),
        (importances(wine=0.5), held(0.1), OPEN),  # as much as both β
        (importances(wine=0.2), held(0.1), PARTLY),
        (importances(error=0.2), held(0.8), OPEN),
        (importances(error=0.2), held(0.1), OPEN),  # good defaults; which matters more is not known
        (importances(lr=0.2), held(0.1), PARTLY),  # they can stay, and the learning rate is not what matters
        (importances(), held(3.0), PARTLY),
        (importances(lr=0.2), held(3.0), FAILS),
    ],
)
def test_costs_and_importances_decide(shares, table, expected, monkeypatch):
    worse = (0.0, -0.002, 0.002) if expected == HOLDS or table.estimate.abs().min() < 0.005 else (0.03,) * 3
    worse = (0.0, -0.05, 0.05) if expected == OPEN else worse
    monkeypatch.setattr(adam, "epsilons", lambda: [(1e-2, worse)])
    one = CLAIMS[25]
    seen = one.measure(shares, table)
    judged = one.judge(seen)
    assert judged.verdict == expected
    assert ("β₂ = .999, speed" in judged.when) == (expected != HOLDS)
    last = seen[seen.what == "lr less both β, digits"].iloc[0]
    of = shares[(shares.dataset == "digits") & (shares.optimizer == "adam")].set_index("parameter")
    assert last.value == pytest.approx(2 * of.importance["lr"] - 1)
    # of five fifths: Student's t with 4 degrees, 2.776 in a table
    assert last.high - last.value == pytest.approx(3 * 2.776 * of.error["lr"], rel=1e-3)


def test_the_fifths_are_those_of_the_study():
    assert adam.FIFTHS == FIFTHS


def test_arms_that_were_not_run_leave_it_open(monkeypatch):
    monkeypatch.setattr(adam, "epsilons", lambda: [(1e-2, (0.0, -0.05, 0.05))])
    one = CLAIMS[25]
    assert one.judge(one.measure(importances(), held(0.1).iloc[:0])).verdict == OPEN


def test_an_adam_that_needs_a_large_epsilon_is_seen(monkeypatch):
    class Fragile(dlopt.Adam):
        def update(self, grad, state, lr):
            return (self.eps >= 1e-4) * super().update(grad, state, lr)

    small = adam.epsilons()
    assert [eps for eps, _ in small] == [1e-6, 1e-4, 1e-2]
    monkeypatch.setattr(dlopt, "Adam", Fragile)
    one = CLAIMS[25]
    seen = one.measure(importances(), held(0.1))
    judged = one.judge(seen)
    assert judged.verdict == PARTLY
    assert "worse: ε = 1e-8, not 0.0001, error; ε = 1e-8, not 0.01, error" in judged.when
    assert seen[seen.what == "ε = 1e-8, not 1e-06, error"].value.item() == 0  # both stand still


# Claim 26


def rows(best, seed=0, **special):
    """Adam's searches of 16 draws from 1e-5 to 1; best: the rate at which the loss is lowest, by dataset."""
    rng, lines = np.random.default_rng(seed), []
    for dataset in DATASETS:
        at = special.get(dataset, best)
        for block in range(20):
            rates = 10 ** rng.permutation(np.linspace(-5, 0, 16) + rng.uniform(-0.1, 0.1))
            loss = rng.random(16) if at is None else np.abs(np.log(rates / at))
            for kind, lr in (("adam", 1.0), ("sgd", 1e3)):
                lines += [
                    {"dataset": dataset, "block": block, "optimizer": kind, "kind": "search", "draw": i}
                    | {"batch_size": 64, "decay": "none", "settings": json.dumps({}), "lr": lr * rate}
                    | {"status": "ok", "diverged_step": 0, "best_validation_loss": of}
                    | {"best_validation_error": 0.1, "best_examples": 1, "best_step": 1}
                    | {"test_loss": of, "test_error": 0.1}
                    for i, (rate, of) in enumerate(zip(rates, loss, strict=True))
                ]
    return pd.DataFrame(lines).reindex(columns=list(TABLES["rows"].columns))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (rows(1e-3), HOLDS),
        (rows(0.3), FAILS),
        (rows(1e-3, wine=1.0), PARTLY),
        (rows(1e-3, seed=1, wine=None), OPEN),  # on digits, and not known on wine
        (rows(1e-3).query("block < 2"), OPEN),
    ],
)
def test_the_place_of_winners_decides(table, expected):
    one = CLAIMS[26]
    seen = one.measure(table)
    judged = one.judge(seen)
    assert judged.verdict == expected
    pd.testing.assert_frame_equal(seen, one.measure(table.sample(frac=1, random_state=0)))
    if expected == PARTLY:
        assert "fewer than half: wine" in judged.when


def test_where_the_rate_does_not_matter_winners_lie_as_draws_do():
    seen = CLAIMS[26].measure(rows(None)).set_index("what")
    whole = seen.loc["winners in .0001 to .01: all together"]
    (near,) = (seen.loc[name] for name in seen.index if name.startswith("beaten by one near .001: all"))
    assert whole.low < whole.expected < whole.high
    assert whole.expected == pytest.approx(0.4, abs=0.03)  # two decades of five
    assert near.low < 0.5 < near.high
    count = round(whole.value * 40)
    assert whole.low == pytest.approx(stats.binomtest(count, 40).proportion_ci().low)


def test_a_draw_near_the_default_is_ranked_among_the_others():
    frame = pd.DataFrame({"lr": [1e-5, 9e-4, 1.2e-3, 1e-1], "best_validation_loss": [3.0, 1.0, 3.0, np.inf]})
    assert adam.beaten(frame) == pytest.approx((1 + 1.5 / 3) / 2)  # beats all; ties one, beats one
    assert math.isnan(adam.beaten(frame.iloc[[0, 3]]))
