"""What is measured: shapes of data and network, trials, and our own side of the work."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

import dlopt
import dlopt.training

MIXED = dlopt.DEFAULT  # eight of them; a mixed stack has four rows of each
BATCHES = (64, 512)
SEED = 7

# Where trials lie, from the first to the last of a stack: every one learns and none diverges, so that
# float32 paths of two libraries stay together.
SETTINGS: dict[str, dict[str, tuple[float, float]]] = {
    "sgd": {"lr": (0.01, 0.1)},
    "momentum": {"lr": (0.02, 0.1), "beta": (0.8, 0.95)},
    "heavyball": {"lr": (0.002, 0.01), "beta": (0.8, 0.95)},
    "nesterov": {"lr": (0.002, 0.01), "beta": (0.8, 0.95)},
    "adagrad": {"lr": (0.005, 0.02), "eps": (1e-10, 1e-10)},
    "rmsprop": {"lr": (3e-4, 1e-3), "rho": (0.9, 0.99), "eps": (1e-8, 1e-8)},
    "adam": {"lr": (3e-4, 2e-3), "beta1": (0.8, 0.95), "beta2": (0.99, 0.999), "eps": (1e-8, 1e-8)},
    "adamw": {
        "lr": (3e-4, 2e-3),
        "beta1": (0.8, 0.95),
        "beta2": (0.99, 0.999),
        "eps": (1e-8, 1e-8),
        "weight_decay": (1e-3, 1e-1),
    },
}


class Shape(NamedTuple):
    """A network, and the rows of the dataset that it belongs to. classes: 0 for regression."""

    name: str
    sizes: tuple[int, ...]
    classes: int
    rows: int


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("digits 64-64-10", (64, 64, 10), 10, 1_797),
        Shape("30-32-2", (30, 32, 2), 2, 569),
        Shape("13-16-3", (13, 16, 3), 3, 178),
        Shape("20-32-4", (20, 32, 4), 4, 12_000),
        Shape("64-64-32-10", (64, 64, 32, 10), 10, 1_797),
        Shape("softmax 64-10", (64, 10), 10, 1_797),
        Shape("regression 10-32-1", (10, 32, 1), 0, 442),
    )
}


def trials(name: str, count: int) -> dict[str, np.ndarray]:
    """Hyperparameters of so many trials of an optimizer, by field, (count,) each."""
    return {field: np.linspace(low, high, count) for field, (low, high) in SETTINGS[name].items()}


def mixed() -> dict[str, dict[str, np.ndarray]]:
    """The mixed stack of 32."""
    return {name: trials(name, 4) for name in MIXED}


def adam(count: int) -> dict[str, dict[str, np.ndarray]]:
    """A stack of Adam alone."""
    return {"adam": trials("adam", count)}


class Outcome(NamedTuple):
    """What a training ends in and what contenders must agree on; R records, K rows."""

    validation: np.ndarray  # (R, K) loss at each record
    error: np.ndarray  # (R, K)
    training: np.ndarray | None  # (R, K) mean mini-batch loss since the last record
    test: np.ndarray  # (K,) test loss of the parameters that were best on validation


@dataclasses.dataclass(frozen=True, eq=False)
class Work:
    """One cell of the table: a shape, a batch size, with the default's checkpoints or without."""

    shape: Shape
    batch: int
    checkpoints: bool
    epochs: int
    split: dlopt.Split

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.shape.name}, batch {self.batch}{', checkpoints' if self.checkpoints else ''}"

    @property
    def model(self) -> dlopt.MLP:
        """The network."""
        return dlopt.MLP(*self.shape.sizes[1:-1])

    @property
    def n_train(self) -> int:
        """Training rows."""
        return len(np.asarray(self.split.X_train))

    @property
    def steps(self) -> int:
        """Steps of each trial."""
        return self.epochs * math.ceil(self.n_train / self.batch)

    @functools.cached_property
    def records(self) -> np.ndarray:
        """The steps after which validation is read, 0 first."""
        return self.ours({"sgd": trials("sgd", 1)})[1]

    @functools.cached_property
    def orders(self) -> np.ndarray:
        """(epochs, n) the order of the training rows in each epoch: dlopt's own, or losses would differ."""
        rng = np.random.default_rng([self.split.seed, 1])
        return np.stack([rng.permutation(self.n_train) for _ in range(self.epochs)])

    @functools.cached_property
    def start(self) -> list[np.ndarray]:
        """Initial [W | b] of each layer, (outputs, inputs + 1), float32."""
        layers = self.model.layers(self.shape.sizes[0], self.shape.sizes[-1])
        flat = self.model.start(layers, np.random.default_rng([self.split.seed, 0])).astype(np.float32)
        return [flat[layer.slice].reshape(layer.shape) for layer in layers]

    @functools.cached_property
    def data(self) -> dict[str, np.ndarray]:
        """The split's arrays as the peers want them: float32 features, int64 classes or float32 targets."""
        kind = np.int64 if self.shape.classes else np.float32
        parts = ("train", "validation", "test")
        features = {f"X_{p}": np.asarray(getattr(self.split, f"X_{p}"), np.float32) for p in parts}
        return features | {f"y_{p}": np.asarray(getattr(self.split, f"y_{p}"), kind) for p in parts}

    def ours(
        self, stack: dict[str, dict[str, np.ndarray]], blocks: int = 1, engine: str = "compiled"
    ) -> tuple[Outcome, np.ndarray]:
        """Train a stack, {optimizer: its trials}, in so many blocks; the first one's outcome and records."""
        optimizers = [dlopt.OPTIMIZERS[name](**fields) for name, fields in stack.items()]
        with contextlib.nullcontext() if self.checkpoints else no_checkpoints():
            splits = [dataclasses.replace(self.split, seed=self.split.seed + i) for i in range(blocks)]
            how = {"batch_size": self.batch, "epochs": self.epochs, "engine": engine}
            run = dlopt.train(self.model, splits, optimizers, **how)[0]
        curves = run.curves
        if not self.checkpoints and len(curves.steps) != 2:
            raise RuntimeError("dlopt.training.checkpoints is no longer where the grid comes from.")
        outcome = Outcome(
            curves.validation_loss, curves.validation_error, curves.training_loss, run.test_losses
        )
        return outcome, curves.steps


@contextlib.contextmanager
def no_checkpoints() -> Iterator[None]:
    """Let `train` read validation at the start and the end only; it has no argument for that."""
    kept = dlopt.training.checkpoints
    dlopt.training.checkpoints = lambda n_train, epochs: np.array([0, n_train * epochs])
    try:
        yield
    finally:
        dlopt.training.checkpoints = kept


def make(shape: Shape, batch: int, checkpoints: bool, *, quick: bool = False) -> Work:
    """A cell. Rows are the dataset's own, or digits' where it has fewer than a batch.

    Epochs are the default study's with checkpoints, and without as many as make some 240 steps of 64
    rows or 60 of 512.
    """
    rows = shape.rows if split_sizes(shape.rows)[0] > batch else 1_797
    n_train = split_sizes(rows)[0]
    wanted = 240 if batch < 256 else 60
    epochs = math.ceil(wanted / math.ceil(n_train / batch))
    if checkpoints:
        epochs = min(max(math.ceil(40_000 / n_train), 10), 200)
    if quick:
        epochs = max(2, epochs // 10)
    return Work(shape, batch, checkpoints, epochs, generate(shape.sizes[0], shape.classes, rows))


def split_sizes(rows: int) -> tuple[int, int]:
    """Training rows, and those of validation and of test."""
    held = -(-rows // 5)
    return rows - 2 * held, held


def generate(features: int, classes: int, rows: int) -> dlopt.Split:
    """Data of a shape: a noisy linear teacher's classes, or its standardised values."""
    rng = np.random.default_rng([SEED, features, classes, rows])
    X = rng.standard_normal((rows, features))
    scores = X @ rng.standard_normal((features, max(classes, 1))) / np.sqrt(features)
    scores += 0.5 * rng.standard_normal(scores.shape)
    y: Any = scores.argmax(axis=1) if classes else (scores[:, 0] - scores.mean()) / scores.std()
    a, b = split_sizes(rows)[0], sum(split_sizes(rows))
    return dlopt.Split(X[:a], y[:a], X[a:b], y[a:b], X[b:], y[b:], n_classes=classes, seed=SEED)
