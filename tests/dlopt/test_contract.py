"""What an optimizer may ask for beside its gradient: a start, a second gradient, another point to be read."""

import pickle

import numpy as np
import pytest

import dlopt
from dlopt import (
    MLP,
    SAM,
    SAMSGD,
    SGD,
    Adam,
    Average,
    ClipNorm,
    ClipNormAdam,
    Exponential,
    Lookahead,
    LookaheadAdam,
    Momentum,
    Optimizer,
    RMSprop,
    ScheduleFreeSGD,
    train,
)
from dlopt.hyperparameters import positive, rate, share, whole
from dlopt.testing import problems
from tests.support.blocks import block, row_bytes

ENGINES = ("compiled", "numpy")
LAYERED = [getattr(dlopt, name) for name in (*dlopt.layered.__all__, *dlopt.matrices.__all__)]


def one(lr=0.1, **more):
    return {"batch_size": 16, "epochs": 6, "progress": False, **more}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_gradient_counts_as_examples_and_halves_the_steps(engine):
    plain = train(MLP(5), block(64), SGD(lr=0.1), **one(engine=engine))
    twice = train(MLP(5), block(64), SAMSGD(lr=0.1), **one(engine=engine))
    assert plain.curves.examples[-1] == twice.curves.examples[-1] == 6 * 64
    assert twice.curves.steps[-1] * 2 == plain.curves.steps[-1]


@pytest.mark.parametrize("engine", ENGINES)
def test_at_no_distance_the_second_gradient_is_the_first(engine):
    """SAM at a tiny ρ walks SGD's path: half as many steps of it."""
    sharp = train(MLP(5), block(64), SAMSGD(lr=0.1, rho=1e-12), **one(engine=engine, dtype=np.float32))
    plain = train(MLP(5), block(64), SGD(lr=0.1), **one(engine=engine) | {"epochs": 3})
    np.testing.assert_allclose(sharp.best_params, plain.best_params, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trial_with_two_gradients_has_its_bytes_in_any_company(engine):
    rates = [0.01, 0.1, 1.0, 30.0]
    together = train(MLP(5), block(64), SAMSGD(lr=rates), **one(engine=engine))
    for row, lr in enumerate(rates):
        alone = train(MLP(5), block(64), SAMSGD(lr=lr), **one(engine=engine))
        assert row_bytes(together, row) == row_bytes(alone, 0)


def test_optimizers_of_different_prices_do_not_share_a_stack():
    with pytest.raises(ValueError, match=r"SGD 1, SAMSGD 2\. Train them in calls"):
        train(MLP(5), block(64), [SGD(), SAMSGD()], **one())


def test_without_a_second_gradient_a_step_says_what_it_lacks():
    with pytest.raises(ValueError, match=r"Give step\(\.\.\., again=\)"):
        SAMSGD().step(np.ones(3), np.ones(3))


@pytest.mark.parametrize("kind", [ScheduleFreeSGD, LookaheadAdam])
def test_both_engines_evaluate_the_same_point_and_go_on_from_what_moves(kind):
    schedule = {} if kind is ScheduleFreeSGD else {"schedule": Exponential(gamma=0.9)}
    runs = [train(MLP(5), block(64), kind(lr=0.05, **schedule), **one(engine=engine)) for engine in ENGINES]
    assert runs[0].engine == "compiled"
    assert not runs[0].in_numpy
    losses = [run.curves.validation_loss for run in runs]
    np.testing.assert_allclose(*losses, rtol=2e-5)


def test_what_is_evaluated_is_what_validation_reads():
    """The average of all points, by hand: full batches of a linear model, whose loss is known."""

    class Still(Average, SGD):
        """Gradient descent whose average is read."""

    data = block(64, 0, 3)
    averaged = train(MLP(), data, Still(lr=0.1), batch_size=64, epochs=5, dtype=np.float64, progress=False)
    moving = [
        train(MLP(), data, SGD(lr=0.1), batch_size=64, epochs=n, dtype=np.float64, progress=False)
        for n in range(1, 6)
    ]
    last = [run.best_params[0] for run in moving]  # each falls, so its last point is its best
    assert all(run.best_step[0] == n for n, run in enumerate(moving, start=1))
    np.testing.assert_allclose(averaged.best_params[0], np.mean(last, axis=0), rtol=1e-12)


def test_an_optimizer_in_a_wrapper_is_one_class_in_both_ways():
    given = Lookahead(Adam(lr=[0.1, 0.2], schedule=Exponential(gamma=0.9)), every=3)
    assert type(given).__mro__[1:3] == (Lookahead, Adam)
    assert Lookahead(Adam) is type(given)
    same = LookaheadAdam(lr=[0.1, 0.2], schedule=Exponential(gamma=0.9), every=3)
    runs = [train(MLP(5), block(64), made, **one()) for made in (given, same)]
    assert row_bytes(runs[0], 1) == row_bytes(runs[1], 1)
    assert ClipNorm(Lookahead(SAM(SGD(lr=0.3), rho=0.2), every=4), norm=2).gradients == 2


@pytest.mark.parametrize("of", [None, 3, "adam", SAM, dlopt])
def test_a_wrapper_wraps_optimizers_alone(of):
    with pytest.raises(TypeError, match=r"Lookahead wraps an optimizer, not .* Write for example Lookahead"):
        Lookahead(of)


def test_fields_and_state_of_both_have_names_of_their_own():
    with pytest.raises(TypeError, match="RMSprop and SAM both have a field named 'rho'"):
        SAM(RMSprop())
    with pytest.raises(TypeError, match="both have a state named 'slow'"):
        Lookahead(dlopt.AggMo())


def test_an_annotation_that_declares_nothing_is_refused():
    with pytest.raises(TypeError, match="nesterov is annotated, and declares no hyperparameter"):

        class Plain(Momentum):
            nesterov: bool = False


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        (LookaheadAdam, {"every": 0}, "whole number >= 1"),
        (LookaheadAdam, {"every": [2, 2.5]}, "trial 1 has 2.5"),
        (LookaheadAdam, {"alpha": 1.1}, r"lie in \[0, 1\]"),
        (dlopt.Adafactor, {"beta2_decay": 0.5}, "be < 0 and finite"),
    ],
)
def test_counts_and_shares_are_held_to_their_range(kind, wrong, words):
    with pytest.raises(ValueError, match=words):
        kind(**wrong)


class Bad(Optimizer):
    """It reads another point of another shape."""

    lr: float = rate(0.1, search=(1e-3, 1.0))
    floor: float = positive(1e-12)
    part: float = share(0.5)
    every: float = whole(3)
    state = ()

    def update(self, grad, state, lr):
        kept = np.where(state.t % self.every == 0, 1, self.part)
        return lr * kept * np.where(abs(grad) > self.floor, grad, self.floor)

    def evaluated(self, params, state):
        return params[..., :2]


def test_check_sees_what_is_evaluated_and_what_only_clamps():
    found = problems(Bad)
    assert any("evaluated returns" in line for line in found)

    class Mended(Bad):
        """It reads what moves."""

        def evaluated(self, params, state):
            return params

    assert problems(Mended) == []


def test_a_class_that_extends_a_wrapped_one_keeps_its_state_when_it_is_wrapped():
    class Kicked(ClipNormAdam):
        """It remembers one thing more."""

        state = ("mean", "square", "extra")

        def update(self, grad, state, lr):
            state.extra += grad
            return super().update(grad, state, lr)

    wrapped = Lookahead(Kicked(lr=0.1))
    assert set(wrapped.state) == {"mean", "square", "extra", "slow"}
    assert train(MLP(5), block(64), wrapped, **one()).status == ["ok"]


def test_an_optimizer_takes_no_more_gradients_than_it_declares():
    class Greedy(SGD):
        """It declares two and takes three."""

        gradients = 2

        def update(self, grad, state, lr):
            return lr * (state.again(state.params) + state.again(state.params))

    with pytest.raises(RuntimeError, match=r"more gradients in a step than it declares\. Write"):
        train(MLP(5), block(64), Greedy(), **one())
    assert any("more gradients" in line for line in problems(Greedy))
    for wrong in (0, 1.5, "2", True):
        with pytest.raises(TypeError, match="gradients must be a whole number >= 1"):
            type("Wrong", (SGD,), {"gradients": wrong})


def test_a_number_per_row_has_the_bytes_it_has_alone():
    decays = [-1.0, -0.8, -0.7, -0.61]
    kind, how = dlopt.Adafactor, one(engine="numpy") | {"epochs": 20}
    together = train(MLP(5), block(64), kind(beta2_decay=decays), **how)
    for row, decay in enumerate(decays):
        assert row_bytes(together, row) == row_bytes(
            train(MLP(5), block(64), kind(beta2_decay=decay), **how), 0
        )


def test_a_number_of_a_step_and_a_decay_has_the_parameters_type():
    divided = dlopt.number_of(lambda t, beta: beta / t)
    assert divided(np.int64(2), np.float32(0.5)) == np.float32(0.25)
    assert divided(2, np.full((3, 1), 0.5, np.float32)).dtype == np.float32
    assert divided(2, 0.5) == 0.25


@pytest.mark.parametrize("kind", [*LAYERED, dlopt.MaskedAdamW])
def test_one_parameter_is_a_layer_too(kind):
    assert np.isfinite(kind().step(np.ones(1), np.ones(1))[0]).all()


@pytest.mark.parametrize("kind", [ScheduleFreeSGD, dlopt.ScheduleFreeAdamW])
def test_where_something_is_divided_by_a_decay_it_is_not_0(kind):
    name = "beta" if kind is ScheduleFreeSGD else "beta1"
    with pytest.raises(ValueError, match=r"lie in \(0, 1\)"):
        kind(**{name: 0.0})


def test_a_point_of_its_own_is_evaluated_by_one_of_two():
    with pytest.raises(TypeError, match="Average and ScheduleFreeSGD each evaluate a point of their own"):
        Average(ScheduleFreeSGD())


def test_a_wrapped_optimizer_goes_to_another_process():
    given = Lookahead(dlopt.NAdam(lr=[0.1, 0.2]), every=3)
    again = pickle.loads(pickle.dumps(given))
    assert type(again) is type(given)
    assert repr(again) == repr(given)
    assert Lookahead(Adam) is LookaheadAdam
