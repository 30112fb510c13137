"""The code that is taken home, run as it is by torch and optax: its first 50 steps are ours, in float64.

In .venv-peers: make test-peers. scikit-learn's code is run by tests/studies/takehome/test_code.py.
"""

import itertools

import jax
import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

import dlopt
from dlopt.losses import CrossEntropy, SquaredError
from dlopt.models import INITS as INITS_OURS
from dlopt.models import Feed
from studies.question.arm import fits
from studies.takehome.code import code
from studies.takehome.templates import ACTIVATIONS, INITS

EPOCHS, SEED = 10, 3
WIDTHS = {4: (9,), 0: (8, 6)}  # by classes, as the next two
ROWS, BATCH = {4: 100, 0: 97}, {4: 20, 0: 24}  # 5 steps an epoch, the last of 20 rows or of one
HYPER = {  # none of them a default
    "sgd": {"lr": 0.21},
    "momentum": {"lr": 0.17, "beta": 0.83},
    "heavyball": {"lr": 0.031, "beta": 0.83},
    "nesterov": {"lr": 0.029, "beta": 0.83},
    "adagrad": {"lr": 0.11, "eps": 1e-4},
    "rmsprop": {"lr": 0.013, "rho": 0.87, "eps": 1e-4},
    "adam": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "adamw": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4, "weight_decay": 0.3},
    "signsgd": {"lr": 0.0043},
    "lion": {"lr": 0.0043, "beta1": 0.81, "beta2": 0.973, "weight_decay": 0.3},
    "centeredrmsprop": {"lr": 0.013, "rho": 0.87, "beta": 0.31, "eps": 1e-4},
    "adadelta": {"lr": 1.7, "rho": 0.87, "eps": 1e-4},
    "rprop": {"lr": 0.013, "shrink": 0.43, "grow": 1.13, "smallest": 1e-4, "largest": 0.7},
    "amsgrad": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "nadam": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4, "momentum_decay": 0.03},
    "radam": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "adamax": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "adabelief": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "yogi": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "adopt": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4},
    "dog": {"lr": 1.7, "d0": 1e-2, "eps": 1e-4},
    "lamb": {"lr": 0.019, "beta1": 0.81, "beta2": 0.973, "eps": 1e-4, "weight_decay": 0.3},
    "adafactor": {"lr": 0.13, "beta2_decay": -0.7, "clip": 1.3, "weight_decay": 0.3},
}
SCHEDULES = {
    "exponential": {"gamma": 0.83},
    "step": {"every": 3.0, "gamma": 0.47},
    "inversetime": {"k": 0.37},
    "polynomial": {"epochs": 9.0, "power": 1.7},
    "cosine": {"epochs": 9.0},
    "warmup": {"epochs": 6.0},
}
OTHERS = [name for name in SCHEDULES if name != "exponential"]
CASES = [
    (name, decay, classes)
    for i, name in enumerate(HYPER)
    for decay in ("none", "exponential", OTHERS[i % len(OTHERS)])
    for classes in ((4, 0) if (name, decay) in (("momentum", "none"), ("adam", "exponential")) else (4,))
    if fits(dlopt.OPTIMIZERS[name], decay)
]
jax.config.update("jax_disable_most_optimizations", True)  # compiling is most of the time


def each_case(framework):
    """The cases that this library has words for."""
    known = [case for case in CASES if framework in vars(dlopt.OPTIMIZERS[case[0]])["equivalents"]]
    return pytest.mark.parametrize(("name", "decay", "classes"), known)


MODELS = [
    {"activation": "tanh", "init": "glorot", "weight_decay": 0.03},
    {"activation": "sigmoid", "init": "he", "weight_decay": 0.2},
    {"activation": "gelu", "init": "small", "weight_decay": 0.0},
    {"activation": "relu", "init": "zero", "weight_decay": 0.01},
]
each_network = pytest.mark.parametrize(
    ("name", "how", "classes"),
    [(name, how, classes) for how in MODELS for name, classes in (("adamw", 4), ("momentum", 0))],
)


def test_every_optimizer_every_schedule_and_every_network_is_run():
    for framework in ("torch", "optax"):
        assert {how["activation"] for how in MODELS} == set(ACTIVATIONS[framework])
        assert {how["init"] for how in MODELS} == set(INITS[framework])
    spelled = (name for name, kind in dlopt.OPTIMIZERS.items() if vars(kind).get("equivalents"))
    assert set(HYPER) == set(spelled)
    assert {"constant", *SCHEDULES} == set(dlopt.SCHEDULES)
    assert {decay for _, decay, _ in CASES} == {"none", *SCHEDULES}


class Problem:
    """A small network on fixed data, with our initial weights and the batches in our order."""

    def __init__(self, classes, **how):
        rng = np.random.default_rng(0)
        self.classes, self.X = classes, rng.standard_normal((ROWS[classes], 5))
        scores = self.X @ rng.standard_normal((5, max(classes, 1)))
        self.y = scores.argmax(axis=1) if classes else scores[:, 0]
        self.mlp = mlp = dlopt.MLP(*WIDTHS[classes], **how)
        self.layers = mlp.layers(5, classes or 1)
        self.start = mlp.start(self.layers, np.random.default_rng([SEED, 0]))

    def weights(self):
        """Each layer's initial (outputs, inputs), from the input on."""
        return iter([self.start[one.slice].reshape(one.shape)[:, :-1] for one in self.layers])

    def orders(self):
        """The order of the rows in each epoch."""
        rng = np.random.default_rng([SEED, 1])
        return (rng.permutation(len(self.X)) for _ in itertools.count())

    def path(self, optimizer):
        """Our parameters after every step."""
        loss = CrossEntropy(self.classes) if self.classes else SquaredError()
        network, state, path = self.mlp._network(self.layers, self.start[None], 1, loss), None, []
        feed = Feed(self.X[None], self.y[None], loss, np.dtype(np.float64))
        for epoch, order in zip(range(EPOCHS), self.orders(), strict=False):
            for batch in feed.batches(order[None], BATCH[self.classes]):
                network.gradient(batch)
                network.params[:], state = optimizer.step(
                    network.params, network.grad, state, epoch=epoch, layers=self.layers
                )
                path.append(network.params[0].copy())
        return np.array(path)

    def flat(self, layers):
        """A library's (weights (outputs, inputs), bias) of each layer, as ours: one array (P,)."""
        return np.concatenate([np.column_stack([W, b]).ravel() for W, b in layers])


def said(name, decay, classes, framework, **network):
    """The code, in float64, and our optimizer."""
    settings = HYPER[name] | SCHEDULES.get(decay, {})
    task = "classification" if classes else "regression"
    shape = (BATCH[classes], EPOCHS, dlopt.MLP(*WIDTHS[classes], **network), task, ROWS[classes])
    how = (dlopt.OPTIMIZERS[name], settings, decay, *shape)
    schedule = {} if decay == "none" else {"schedule": dlopt.SCHEDULES[decay](**SCHEDULES[decay])}
    return code(*how, framework).text.replace("float32", "float64"), how[0](**HYPER[name], **schedule)


def agree(path, ours, least=0.01):
    assert len(path) == len(ours) == 50
    np.testing.assert_allclose(path, ours, rtol=1e-9, atol=1e-12)
    assert np.abs(ours[-1] - ours[0]).max() > least  # it went somewhere


@pytest.fixture
def in_doubles():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@each_case("torch")
def test_torch_walks_our_path(name, decay, classes, monkeypatch, in_doubles):
    walk_torch(monkeypatch, name, decay, classes)


@each_network
def test_torch_walks_our_path_with_any_network(name, how, classes, monkeypatch, in_doubles):
    walk_torch(monkeypatch, name, "none", classes, **how)


def walk_torch(monkeypatch, name, decay, classes, **how):
    text, optimizer = said(name, decay, classes, "torch", **how)
    problem, path = Problem(classes, **how), []
    weights, orders = problem.weights(), problem.orders()
    monkeypatch.setattr(torch, "randperm", lambda n: torch.tensor(next(orders)))
    initial, first = torch.nn.init, []
    drawn = {"he": "kaiming_normal_", "glorot": "xavier_normal_", "small": "normal_", "zero": "zeros_"}
    theirs = getattr(initial, drawn[problem.mlp.init])

    def begin(weight, **options):
        if weight.ndim == 1:  # a bias, where both begin at 0
            return theirs(weight)
        wanted = next(weights)
        large = theirs(torch.empty(400, 300), **options)
        first.append((large.std().item(), INITS_OURS[problem.mlp.init](300, 400)))
        with torch.no_grad():
            return weight.copy_(torch.tensor(wanted))

    monkeypatch.setattr(initial, drawn[problem.mlp.init], begin)
    space = {"X_train": problem.X, "y_train": problem.y}

    def record(*_):
        linear = [one for one in space["model"] if isinstance(one, torch.nn.Linear)]
        path.append(problem.flat([(one.weight.detach(), one.bias.detach()) for one in linear]))

    hook = register_optimizer_step_post_hook(record)
    try:
        exec(text, space)
    finally:
        hook.remove()
    assert first
    assert all(theirs == pytest.approx(ours, rel=0.02) for theirs, ours in first)  # drawn as widely
    agree(path, problem.path(optimizer), 0.0 if problem.mlp.init == "zero" else 0.01)


@pytest.fixture
def x64():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@each_case("optax")
def test_optax_walks_our_path(name, decay, classes, monkeypatch, x64):
    walk_optax(monkeypatch, name, decay, classes)


@each_network
def test_optax_walks_our_path_with_any_network(name, how, classes, monkeypatch, x64):
    walk_optax(monkeypatch, name, "none", classes, **how)


def walk_optax(monkeypatch, name, decay, classes, **how):
    text, optimizer = said(name, decay, classes, "optax", **how)
    problem, path, jit = Problem(classes, **how), [], jax.jit
    deviations = {
        "he": lambda a, b: (2 / a) ** 0.5,
        "glorot": lambda a, b: (2 / (a + b)) ** 0.5,
        "small": lambda a, b: 0.01,
        "zero": lambda a, b: 0,
    }

    class Ours:
        """In place of NumPy's generator."""

        weights, orders = problem.weights(), problem.orders()

        def normal(self, mean, deviation, shape):
            drawn = next(self.weights).T
            assert (mean, shape) == (0, drawn.shape)
            assert deviation == pytest.approx(deviations[problem.mlp.init](*shape), rel=1e-12)
            return drawn

        def permutation(self, n):
            return next(self.orders)

    def recorded(function, *more, **options):
        compiled = jit(function, *more, **options)
        if function.__name__ != "step":  # JAX's own
            return compiled

        def call(*arguments):
            params, state = compiled(*arguments)
            path.append(problem.flat([(np.asarray(W).T, np.asarray(b)) for W, b in params]))
            return params, state

        return call

    with monkeypatch.context() as patched:
        patched.setattr(np.random, "default_rng", lambda seed: Ours())
        patched.setattr(jax, "jit", recorded)
        exec(text, {"X_train": problem.X, "y_train": problem.y})
    agree(path, problem.path(optimizer), 0.0 if problem.mlp.init == "zero" else 0.01)


@pytest.mark.parametrize("framework", ["torch", "optax"])
@pytest.mark.parametrize(("name", "classes"), [("sgd", 2), ("adam", 0)])
def test_as_printed_it_learns(name, classes, framework):
    """Its own weights and batches, float32: what a person gets who pastes it."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((300, 5))
    y = (X[:, 0] * X[:, 1] > 0).astype(int) if classes else X[:, 0] - 0.5 * X[:, 1]
    task = "classification" if classes else "regression"
    how = ({**HYPER[name], "epochs": 40.0}, "cosine", 32, 40, dlopt.MLP(32), task, 300)
    space = {"X_train": X, "y_train": y}
    exec(code(dlopt.OPTIMIZERS[name], *how, framework).text, space)
    if framework == "torch":
        outputs = space["model"](space["X"]).detach().numpy()
    else:
        (V, a), (W, b) = space["params"]
        outputs = np.asarray(np.maximum(X @ V + a, 0) @ W + b)
    if classes:
        assert np.mean(outputs.argmax(axis=1) != y) < 0.1
    else:
        assert np.mean((outputs.ravel() - y) ** 2) < 0.01


def test_nesterov_without_momentum_is_plain_descent():
    """Which torch refuses to call Nesterov's."""
    how = ({"lr": 0.1, "beta": 0.0}, "none", 32, 2, dlopt.MLP(), "regression", 64)
    rng, space = np.random.default_rng(0), {}
    space["X_train"], space["y_train"] = rng.standard_normal((64, 3)), rng.standard_normal(64)
    exec(code(dlopt.Nesterov, *how, "torch").text, space)
    assert space["optimizer"].defaults["momentum"] == 0
