import json
from pathlib import Path

import numpy as np
import optuna
import pytest

import dlopt
from dlopt import (
    SGD,
    Adam,
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    Polynomial,
    Schedule,
    Step,
    Warmup,
    suggest,
)
from dlopt.hyperparameters import declared

RECORDED = json.loads((Path(__file__).parent.parent / "record" / "schedules.json").read_text())
EXAMPLES = [
    Constant(),
    Exponential(gamma=0.9),
    Step(every=3, gamma=0.5),
    InverseTime(k=0.5),
    Polynomial(epochs=8, power=2),
    Cosine(epochs=8),
    Warmup(epochs=4),
    Warmup(epochs=4) * Cosine(epochs=8),
]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["call"])
def test_a_schedule_walks_the_factors_that_torch_recorded(case):
    schedule = getattr(dlopt, case["schedule"])(**case["fields"])
    ours = [schedule.factor(epoch) for epoch in range(len(case["factors"]))]
    np.testing.assert_allclose(ours, case["factors"], rtol=1e-12, atol=1e-15)


def test_every_schedule_that_goes_home_is_recorded_or_has_a_closed_form_here():
    recorded = {case["schedule"] for case in RECORDED["cases"]}
    taken = {kind.__name__ for kind in dlopt.SCHEDULES.values() if kind.python}
    assert recorded | {"InverseTime"} == taken
    assert [Constant().factor(e) for e in (0, 7)] == [1, 1]
    assert [InverseTime(k=0.5).factor(e) for e in (0, 2, 8)] == [1, 0.5, 0.2]


def test_past_their_end_polynomial_and_cosine_stay_at_zero_and_warmup_at_one():
    assert [s.factor(50) for s in (Polynomial(epochs=8), Cosine(epochs=8), Warmup(epochs=4))] == [0, 0, 1]


def test_a_product_multiplies_the_factors():
    both = Warmup(epochs=4) * Exponential(gamma=0.5)
    assert [both.factor(e) for e in range(5)] == [0.25, 0.25, 0.1875, 0.125, 0.0625]
    triple = both * Constant()
    assert triple.factor(3) == both.factor(3)
    assert repr(both) == "Warmup(epochs=4) * Exponential(gamma=0.5)"


@pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)
def test_no_schedule_raises_the_learning_rate_above_its_own(schedule):
    assert all(0 <= schedule.factor(epoch) <= 1 for epoch in range(30))


def test_columns_are_one_schedule_per_trial():
    gammas, epochs = [0.9, 0.5, 1.0], [4, 6, 9]
    both = Exponential(gamma=gammas) * Cosine(epochs=epochs)
    stack = SGD(lr=0.1, schedule=both)
    assert stack.rows == 3
    for epoch in range(12):
        alone = [
            SGD(lr=0.1, schedule=Exponential(gamma=g) * Cosine(epochs=e)).lr_at(epoch)
            for g, e in zip(gammas, epochs, strict=True)
        ]
        assert stack.lr_at(epoch).ravel().tolist() == alone


def test_a_product_of_two_and_three_trials_is_refused():
    with pytest.raises(ValueError, match="for 2 and for 3 trials"):
        SGD(schedule=Exponential(gamma=[0.9, 0.8]) * Cosine(epochs=[3, 4, 5]))


def test_rates_are_per_epoch_and_not_per_step():
    optimizer, w, state = SGD(lr=1.0, schedule=Exponential(gamma=0.5)), np.zeros(1), None
    moved = []
    for epoch in (0, 0, 1, 1, 2):
        before = w
        w, state = optimizer.step(w, np.ones(1), state, epoch=epoch)
        moved.append(float(before[0] - w[0]))
    assert moved == [1, 1, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("kind", dlopt.SCHEDULES.values(), ids=list(dlopt.SCHEDULES))
def test_a_study_sets_the_fields_that_depend_on_its_epochs(kind):
    fixed = kind.budget(40)
    assert set(fixed) <= set(declared(kind))
    assert all(field.search is not None for name, field in declared(kind).items() if name not in fixed)
    schedule = kind(**fixed)
    assert isinstance(schedule, Schedule)
    assert schedule.factor(39) <= schedule.factor(20) or kind is Warmup


class Middle:
    """A trial that suggests the middle of every range, and remembers."""

    def __init__(self):
        self.asked = {}

    def suggest_float(self, name, low, high, *, log=False):
        assert log
        self.asked[name] = (low, high)
        return (low * high) ** 0.5  # 0.0707106… and 0.0173205…


def test_suggest_asks_for_the_declared_names_in_order():
    trial = Middle()
    made = suggest(trial, Adam, schedule=Exponential)
    assert list(trial.asked) == ["lr", "1-beta1", "1-beta2", "1-gamma"]
    assert (made.beta1, made.schedule.gamma) == (0.92929, 0.98268)


def test_what_optuna_remembers_makes_the_same_optimizer_again():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(8):
        trial = study.ask()
        made = suggest(trial, Adam, schedule=Exponential)
        again = suggest(optuna.trial.FixedTrial(trial.params), Adam, schedule=Exponential)
        for one in (made.lr, made.beta1, made.beta2, made.schedule.gamma):
            assert len(repr(one)) <= 10
        assert (made.lr, made.beta2, made.schedule.gamma) == (again.lr, again.beta2, again.schedule.gamma)


def test_suggest_leaves_fixed_fields_and_other_ranges_to_the_caller():
    trial = Middle()
    made = suggest(trial, Adam, schedule=Cosine, search={"lr": (0.01, 0.04)}, beta1=0.5, epochs=7)
    assert list(trial.asked) == ["lr", "1-beta2"]
    assert (made.lr, made.beta1, made.schedule.epochs) == (pytest.approx(0.02), 0.5, 7)
    with pytest.raises(TypeError, match="no field 'beta3'"):
        suggest(trial, Adam, beta3=0.1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(gamma=0), r"Exponential.gamma must lie in \(0, 1\]; it is 0"),
        (lambda: Exponential(gamma=1.1), "1.1"),
        (lambda: Step(every=0), "Step.every must be > 0"),
        (lambda: InverseTime(k=-1), "InverseTime.k must be >= 0"),
        (lambda: Cosine(epochs=float("nan")), "nan"),
    ],
)
def test_a_field_out_of_range_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
