import numpy as np
import pytest

import dlopt
from dlopt import Optimizer, decay, ewa, rate
from dlopt.testing import check, problems


@pytest.mark.parametrize("name", dlopt.OPTIMIZERS)
def test_every_built_in_optimizer_conforms(name):
    check(dlopt.OPTIMIZERS[name])


class Signum(Optimizer):
    """Sign of the averaged gradient (Bernstein et al. 2018, Algorithm 1)."""

    lr: float = rate(1e-3, search=(1e-6, 1e-1))
    beta: float = decay(0.9, search=(5e-3, 1))
    state = ("mean",)

    def update(self, grad, state, lr):
        return lr * np.sign(ewa(state.mean, grad, self.beta))


class Natural(Optimizer):
    """A formula as a user writes it: β alone, 1 - β, a power and a root of it, params."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    beta: float = decay(0.9, search=(5e-3, 0.9))
    state = ("v",)

    def update(self, grad, state, lr):
        state.v = self.beta * state.v + (1 - self.beta) * (grad + 0.01 * state.params)
        return lr * np.sqrt(self.beta) * state.v / np.sqrt(1 - self.beta**state.t)


@pytest.mark.parametrize("kind", [Signum, Natural])
def test_an_optimizer_of_a_user_conforms(kind):
    check(kind)


def faulty(update, state=("mean",)):
    namespace = {
        "__annotations__": {"lr": float, "beta": float},
        "lr": rate(1e-2, search=(1e-4, 1.0)),
        "beta": decay(0.9, search=(5e-3, 1)),
        "state": state,
        "update": update,
    }
    return type("Faulty", (Optimizer,), namespace)


def mean(self, grad, state):
    return ewa(state.mean, grad, self.beta)


FAULTS = {
    "sign": (lambda self, grad, state, lr: -lr * mean(self, grad, state), "sign"),
    "shape": (lambda self, grad, state, lr: (lr * mean(self, grad, state))[..., :1], "return the step"),
    "none": (lambda self, grad, state, lr: None, "return the step"),
    "dtype": (lambda self, grad, state, lr: (lr * mean(self, grad, state)).astype(np.float64), "dtype"),
    "no lr": (lambda self, grad, state, lr: 0.01 * mean(self, grad, state), "learning rate does nothing"),
    "no beta": (lambda self, grad, state, lr: lr * ewa(state.mean, grad, 0.9), "beta is ignored"),
    "forgets": (lambda self, grad, state, lr: lr * ewa(np.zeros_like(grad), grad, self.beta), "stays 0"),
    "rows": (
        lambda self, grad, state, lr: lr * mean(self, grad, state) / (1 + np.nanmax(np.abs(grad))),
        "differs from the same trial alone",
    ),
    "zero": (
        lambda self, grad, state, lr: lr * mean(self, grad, state) / np.sqrt(grad * grad),
        "not finite",
    ),
    "raises": (lambda self, grad, state, lr: 1 / 0, "ZeroDivisionError"),
}


def writes(self, grad, state, lr):
    grad *= 2
    return lr * mean(self, grad, state)


def random(self, grad, state, lr):
    noise = np.random.default_rng().normal(size=grad.shape).astype(grad.dtype)
    return lr * (mean(self, grad, state) + noise)


FAULTS["writes"] = (writes, "changes the gradient")
FAULTS["random"] = (random, "differ in their bits")


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_in_words(fault):
    update, words = FAULTS[fault]
    found = problems(faulty(update))
    assert any(words in sentence for sentence in found), found
    with pytest.raises(AssertionError, match="Faulty has"):
        check(faulty(update))


def test_a_class_without_learning_rate_or_with_a_wrong_update_is_refused_at_once():
    with pytest.raises(TypeError, match="declares no learning rate"):
        type("Bare", (Optimizer,), {"update": lambda self, grad, state, lr: grad})
    with pytest.raises(TypeError, match="It must take"):
        type(
            "Odd",
            (Optimizer,),
            {"__annotations__": {"lr": float}, "lr": rate(1.0), "update": lambda self, g: g},
        )
    for update in (lambda self, grad, state, lr, params: grad, lambda self, grad, lr, state: grad):
        with pytest.raises(
            TypeError, match=r"It must take \(self, grad, state, lr\); the parameters are state.p"
        ):
            faulty(update)
    with pytest.raises(TypeError, match="must be a tuple"):
        faulty(FAULTS["sign"][0], state="mean")
    for name in ("t", "layers", "params", "a b", "", "__init__"):
        with pytest.raises(TypeError, match="Give it a name of its own"):
            faulty(FAULTS["sign"][0], state=("mean", name))


def test_an_undeclared_state_is_named():
    with pytest.raises(AttributeError, match="keeps no state 'speed', but mean"):
        faulty(lambda self, grad, state, lr: state.speed)(lr=1.0).step(np.ones(2), np.ones(2))


class Handles(Optimizer):
    """A decay handled as people handle a number or a column of numbers."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    beta: float = decay(0.9, search=(5e-3, 0.9))

    def update(self, grad, state, lr):
        told.append((f"{self.beta}", f"{self.beta:.2f}", repr(self.beta), self.beta.shape))
        one = self.beta.shape == ()
        with pytest.raises(TypeError if one else ValueError):
            list(self.beta) if one else bool(self.beta)
        assert (
            bool(self.beta) if one else [float(row) for row in self.beta] == self.beta.exact.ravel().tolist()
        )
        told.append((float(self.beta), round(self.beta, 1), max(self.beta, 0.5)) if one else None)
        cube = np.repeat(grad[..., None], 2, axis=-1)
        return lr * ((1 - self.beta[..., None]) * cube).sum(axis=-1) / 2


told = []


def test_a_decay_can_be_handled_like_a_number_or_a_column():
    check(Handles)
    told.clear()
    step, _ = Handles(lr=1.0, beta=0.9999).step(np.zeros(2, np.float32), np.ones(2, np.float32))
    assert told == [("0.9999", "1.00", "0.9999", ()), (0.9999, 1.0, np.float32(0.9999))]
    assert step == pytest.approx([-1e-4, -1e-4], rel=1e-6)  # 1 - float32(0.9999) is off by 2e-4 of it
    told.clear()
    Handles(lr=1.0, beta=[0.9, 0.5]).step(np.zeros((2, 3)), np.ones((2, 3)))
    assert told == [("[0.9, 0.5]", "[0.90, 0.50]", "[0.9, 0.5]", (2, 1)), None]


def test_params_are_read_only_inside_update():
    class Writes(Optimizer):
        lr: float = rate(1.0)

        def update(self, grad, state, lr):
            params = state.params
            params += 1
            return lr * grad

    with pytest.raises(ValueError, match="read-only"):
        Writes().step(np.ones(2), np.ones(2))
