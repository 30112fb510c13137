"""What a loop cannot do as NumPy does it is left to NumPy, whose results it has, and is named."""

import functools
import itertools

import numpy as np
import pytest

import dlopt
from dlopt import MLP, SGD, Optimizer, ewa, layered, matrices, rate, train
from dlopt.engine import refusal
from dlopt.engine.formula import Unreadable
from tests.support.blocks import assert_close, block
from tests.support.loops import by_loop, by_numpy, gradients, same, start
from tests.support.users import made

HOW = {"batch_size": 16, "epochs": 2, "progress": False}


def reassigned(self, grad, state, lr):
    state.mean = self.beta * state.mean + (1 - self.beta) * grad
    return lr * state.mean


def by_layer(self, grad, state, lr):
    step = np.empty_like(grad)
    for layer in state.layers:
        one = grad[:, layer.slice]
        step[:, layer.slice] = one / (1 + np.sqrt((one * one).sum(axis=1, keepdims=True)))
    return lr * step


def warming(self, grad, state, lr):
    if state.t > 3:
        lr = lr / 2
    return lr * grad


def first_column(self, grad, state, lr):
    step = lr * grad
    step[:, 0] = 0
    return step


def in_place_power(self, grad, state, lr):
    step = abs(grad)
    step **= 2
    return lr * step


def norm(self, grad, state, lr):
    return lr * grad / (1 + np.linalg.norm(grad, axis=1, keepdims=True))


# a loop cannot have these: their values hang on other parameters, on a libm, on float64, on a branch
REFUSED = {
    "norm": norm,
    "sum": lambda self, grad, state, lr: lr * grad / (1 + np.sum(grad * grad, axis=1, keepdims=True)),
    "sum of its own": lambda self, grad, state, lr: lr * grad / (1 + abs(grad).sum(axis=1, keepdims=True)),
    "mean": lambda self, grad, state, lr: lr * (grad - grad.mean(axis=1, keepdims=True)),
    "max": lambda self, grad, state, lr: lr * grad / (1 + np.max(abs(grad), axis=1, keepdims=True)),
    "reduce": lambda self, grad, state, lr: lr * (grad - np.minimum.reduce(grad, axis=1, keepdims=True)),
    "matmul": lambda self, grad, state, lr: lr * (grad @ np.eye(24, dtype=np.float32)),
    "layers": by_layer,
    "t > 3": warming,
    "t % 2": lambda self, grad, state, lr: lr * grad * (1.0 if state.t % 2 else 0.5),
    "max of t": lambda self, grad, state, lr: lr * grad / max(state.t, 3),
    "float(t)": lambda self, grad, state, lr: lr * grad / float(state.t),
    "int(t)": lambda self, grad, state, lr: lr * grad / int(state.t),
    "sqrt(t)": lambda self, grad, state, lr: lr * grad / np.sqrt(state.t),
    "lr < .1": lambda self, grad, state, lr: lr * grad if lr < 0.1 else grad,
    "tanh": lambda self, grad, state, lr: lr * np.tanh(grad),
    "exp": lambda self, grad, state, lr: lr * np.exp(-abs(grad)),
    "log": lambda self, grad, state, lr: lr * np.log1p(abs(grad)),
    "power": lambda self, grad, state, lr: lr * np.power(grad, 2),
    "cube": lambda self, grad, state, lr: lr * grad**3,
    "in-place power": in_place_power,
    "round": lambda self, grad, state, lr: lr * np.round(grad, 3),
    "remainder": lambda self, grad, state, lr: lr * (grad % 1),
    "copysign": lambda self, grad, state, lr: lr * np.copysign(self.eps, grad),
    "index": first_column,
    "read index": lambda self, grad, state, lr: lr * grad[...],
    "reversed": lambda self, grad, state, lr: lr * grad[:, ::-1],
    "shape": lambda self, grad, state, lr: lr * grad / grad.shape[1],
    "size": lambda self, grad, state, lr: lr * grad / grad.size,
    "astype": lambda self, grad, state, lr: lr * grad.astype(np.float64),
    "float64 number": lambda self, grad, state, lr: lr * grad * np.float64(0.1),
    "float64 lr": lambda self, grad, state, lr: np.asarray(self.lr) * grad,
    "float64 array": lambda self, grad, state, lr: lr * grad * np.full((1, 1), 0.1),
    "random": lambda self, grad, state, lr: lr * grad * np.random.default_rng().random(),
    "random array": lambda self, grad, state, lr: (
        lr * np.random.default_rng(3).normal(size=np.shape(grad)).astype(np.float32)
    ),
    "reassigned state": reassigned,
    "where of floats": lambda self, grad, state, lr: np.where(grad > 0, 0.01, -0.01),
    "bool * float": lambda self, grad, state, lr: 0.01 * (grad > 0) - 0.01 * (grad < 0),
    "truth + truth": lambda self, grad, state, lr: lr * ((grad > 0) + (grad > 1)),
    "xor": lambda self, grad, state, lr: lr * ((grad > 0) ^ (state.mean > 0)),
    "a branch by numbers": lambda self, grad, state, lr: lr * grad if (grad == grad).all() else lr * 0,
    "where=": lambda self, grad, state, lr: lr * np.divide(grad, 2, where=grad > 0, out=np.zeros_like(grad)),
    "asarray": lambda self, grad, state, lr: lr * np.asarray(grad),
    "np.array": lambda self, grad, state, lr: lr * np.array(grad),
    "iteration": lambda self, grad, state, lr: lr * np.stack([row / 2 for row in grad]),
    "nan_to_num": lambda self, grad, state, lr: lr * np.nan_to_num(grad),
    "isfinite": lambda self, grad, state, lr: lr * np.where(np.isfinite(grad), grad, grad - grad),
}
# these a loop may have, or NumPy: in any case the bytes are NumPy's
EITHER = {
    "in place": lambda self, grad, state, lr: grad.__imul__(lr),
    "truth times lr": lambda self, grad, state, lr: lr * (grad > 0),
    "truth times eps": lambda self, grad, state, lr: (grad > 0) * self.eps - lr * (grad < 0),
    "a numpy float32": lambda self, grad, state, lr: lr * grad * np.float32(0.1),
    "big number": lambda self, grad, state, lr: lr * grad * 1e300,
    "big whole number": lambda self, grad, state, lr: lr * grad * 10**39,
    "denormal": lambda self, grad, state, lr: lr * grad * 1e-42,
    "infinite": lambda self, grad, state, lr: lr * np.where(abs(grad) < np.inf, grad, 0.0),
    "no number": lambda self, grad, state, lr: lr * np.where(grad == grad, grad, np.nan),
    "number compared": lambda self, grad, state, lr: lr * np.where(grad > 0.1, grad, -grad),
    "the step is a number": lambda self, grad, state, lr: lr * (1 + self.eps),
    "the step is the state": lambda self, grad, state, lr: ewa(state.mean, lr * grad, self.beta),
    "a column's root": lambda self, grad, state, lr: grad * np.sqrt(lr) * lr**2,
    "the lesser rate": lambda self, grad, state, lr: grad * np.minimum(lr, 1 / state.t),
    "a power of t": lambda self, grad, state, lr: lr * grad * 2.0**-state.t,
    "a whole power of t": lambda self, grad, state, lr: lr * grad * 2**state.t,
    "a decay's power": lambda self, grad, state, lr: lr * grad * self.beta ** (state.t + 1),
    "a decay's square": lambda self, grad, state, lr: lr * grad * (1 - self.beta**2),
    "a decay as float": lambda self, grad, state, lr: lr * grad * (1 - float(self.beta)),
    "clipped at zero": lambda self, grad, state, lr: lr / np.clip(grad, 0.0, 1.0),
    "clipped upside down": lambda self, grad, state, lr: lr * np.clip(grad, 1.0, -1.0),
    "the same random": lambda self, grad, state, lr: lr * grad * np.random.default_rng(3).random(),
}
RANDOM = ("random",)  # its results are never the same
HELD = [pytest.param(step, id=name) for name, step in (REFUSED | EITHER).items() if name not in RANDOM]


@pytest.mark.parametrize("name", REFUSED)
def test_what_ieee_754_does_not_fix_for_one_parameter_is_refused_in_words(name):
    assert refusal(made(REFUSED[name])())


@pytest.mark.parametrize("step", HELD)
def test_a_loop_is_refused_or_has_the_bytes_of_numpy(step):
    params, grads = start(1, 24, 3), gradients(1, 24, 3)
    grads[:, :, :4], grads[:, :, 4:8], params[:, :8:2] = 0.0, -0.0, -0.0
    try:
        found = by_loop(made(step)(), params, grads)
    except Unreadable:
        return
    assert same(found, by_numpy(made(step)(), params, grads))


@functools.cache
def blocks():
    return block(n=48, n_classes=0, n_features=23)  # 24 parameters


@pytest.mark.parametrize("step", HELD)
def test_training_has_numpys_results_whoever_takes_the_steps(step):
    optimizers = [SGD(lr=0.1), made(step)(), SGD(lr=0.3)]
    with np.errstate(all="ignore"):
        found = train(MLP(), blocks(), optimizers, **HOW)
        expected = train(MLP(), blocks(), optimizers, engine="numpy", **HOW)
    assert (found.engine, expected.engine) == ("compiled", "numpy")
    assert_close(found, expected, rtol=1e-4, atol=1e-5)
    why = refusal(made(step)())
    assert dict(found.in_numpy) == ({"Own": why} if why else {})
    assert dict(expected.in_numpy) == {}


class Raises(Optimizer):
    """An update with a mistake of its own in it."""

    lr: float = rate(0.01)

    def update(self, grad, state, lr):
        return lr * grad * state.speed


class Divides(Optimizer):
    lr: float = rate(0.01)

    def update(self, grad, state, lr):
        return lr * grad * (1 // 0)


@pytest.mark.parametrize(("kind", "error"), [(Raises, AttributeError), (Divides, ZeroDivisionError)])
def test_an_update_that_raises_says_what_it_says_in_numpy(kind, error):
    for engine in ("auto", "compiled", "numpy"):
        with pytest.raises(error) as told:
            train(MLP(), blocks(), kind(), engine=engine, **HOW)
        assert ("keeps no state 'speed'" in str(told.value)) == (kind is Raises)


def test_of_our_own_optimizers_those_are_compiled_that_move_each_parameter_for_itself():
    by_file = [layered.__all__, matrices.__all__]
    sums = ["Prodigy", "DAdaptAdam", "DoG", "MaskedAdamW", "ClipNormAdam", "SAMSGD"]  # of rows, or a mask
    expected = {name.lower() for name in itertools.chain(*by_file, sums, ["MADGRAD"])}  # and a cube root
    assert {name for name, kind in dlopt.OPTIMIZERS.items() if refusal(kind())} == expected
