"""Multilayer perceptrons for K trials at once, from softmax and linear regression up.

Layout: parameters are one C-contiguous (K, P) array; a layer is a strided view (K, outputs, inputs + 1)
with the bias as its last column, so that nothing is copied. Batches come last: activations
(K, width + 1, B) carry a row of ones, outputs (C, K, B) are reduced over axis 0. Every product is one
small matrix product per trial, so a trial's bytes depend on no neighbour.

K trials on each of S blocks are K·S rows, the blocks innermost: row k·S + s is trial k on block s. Only
what touches data knows of blocks, as a leading axis S of a batch that broadcasts over the trials.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlopt.activations import ACTIVATIONS, Activation
from dlopt.arguments import is_whole, numbers, shown
from dlopt.average import Floats
from dlopt.interfaces import Block, Layer
from dlopt.losses import CrossEntropy, Loss, SquaredError

CHUNK = 256  # rows of data evaluated at once
MOST_WEIGHTS = 1 << 32  # of one network: 17 GB
PANEL = 1 << 21  # bytes of activations and their gradients at once: about what a core caches for itself
# standard deviation of the initial weights, from the inputs and outputs of their layer
INITS: dict[str, Callable[[int, int], float]] = {
    "he": lambda inputs, outputs: math.sqrt(2.0 / inputs),
    "glorot": lambda inputs, outputs: math.sqrt(2.0 / (inputs + outputs)),
    "small": lambda inputs, outputs: 0.01,
    "zero": lambda inputs, outputs: 0.0,
}


@dataclasses.dataclass(frozen=True)
class MLP:
    """A multilayer perceptron: cross-entropy over classes, half the mean squared error for real targets.

    widths: sizes of the hidden layers, each >= 1; none gives softmax or linear regression. activation,
    between layers: "relu", "tanh", "sigmoid" or "gelu" (its tanh form, within 5e-4 of PyTorch's default).
    init, of the weights, while biases start at 0: "he" is N(0, 2 / inputs) (He et al. 2015), "glorot"
    N(0, 2 / (inputs + outputs)) (Glorot & Bengio 2010), "small" N(0, .01²), "zero" 0. weight_decay: λ >= 0
    of the penalty ½λ‖W‖² on weights, not biases, in the gradient of training; every loss that is recorded,
    of training too, is that of the data alone. Raises ValueError for anything else.
    """

    widths: tuple[int, ...]
    activation: str
    init: str
    weight_decay: float

    def __init__(
        self, *widths: int, activation: str = "relu", init: str = "he", weight_decay: float = 0.0
    ) -> None:
        for width in widths:
            if not is_whole(width) or not 1 <= width <= MOST_WEIGHTS:
                most = f" and <= {MOST_WEIGHTS}" if is_whole(width) and width > 1 else ""
                raise ValueError(
                    f"A hidden layer needs a whole number >= 1{most}, not {shown(width)}. "
                    "Write for example MLP(64, 32)."
                )
        for name, value, known in (("activation", activation, ACTIVATIONS), ("init", init, INITS)):
            if not isinstance(value, str) or value not in known:
                raise ValueError(f"MLP has no {name} {shown(value)}.\nChoose one of {', '.join(known)}.")
        number = isinstance(weight_decay, int | float | np.integer | np.floating) and not isinstance(
            weight_decay, bool
        )
        try:
            decay = float(weight_decay) if number else math.nan
        except OverflowError:
            decay = math.inf
        if not 0 <= decay < math.inf:
            raise ValueError(
                f"MLP.weight_decay must be a finite number >= 0, not {shown(weight_decay)}.\n"
                "Give 0 for none, or for example 1e-4."
            )
        object.__setattr__(self, "widths", tuple(int(w) for w in widths))
        object.__setattr__(self, "activation", activation)
        object.__setattr__(self, "init", init)
        object.__setattr__(self, "weight_decay", decay)

    def layers(self, n_features: int, n_outputs: int) -> tuple[Layer, ...]:
        """The layout of the flat parameters, from the input on."""
        sizes, start, layers = (n_features, *self.widths, n_outputs), 0, []
        for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            size = outputs * (inputs + 1)
            layers.append(Layer(f"layer{i + 1}", slice(start, start + size), (outputs, inputs + 1)))
            start += size
        return tuple(layers)

    def start(self, layers: tuple[Layer, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        """Initial parameters (P,): weights from the normal distribution that `init` names, biases 0."""
        params = np.zeros(layers[-1].slice.stop)
        for layer in layers:
            outputs, inputs = layer.shape[0], layer.shape[1] - 1
            weights = params[layer.slice].reshape(layer.shape)
            weights[:, :-1] = rng.normal(0.0, INITS[self.init](inputs, outputs), (outputs, inputs))
        return params

    def stack(self, blocks: Sequence[Block], trials: int, dtype: np.dtype[Any]) -> Network:
        """Copies for some trials on each block, whose seed gives the initial weights."""
        classes, features = int(blocks[0].n_classes), _features(blocks)
        loss, layers = _loss(classes), self.layers(features, classes or 1)
        if layers[-1].slice.stop > MOST_WEIGHTS:
            raise ValueError(
                f"{self} has {layers[-1].slice.stop:,} parameters on {features} features, and at most "
                f"{MOST_WEIGHTS:,} can be trained. Give fewer or narrower layers."
            )
        starts = [self.start(layers, np.random.default_rng([one.seed, 0])).astype(dtype) for one in blocks]
        return self._network(layers, np.stack(starts), trials, loss)

    def answers(self, params: Floats, X: NDArray[Any], n_classes: int) -> NDArray[Any]:
        """Class numbers (n,), or values (n,) where n_classes is 0, of params (1, P) for X (n, F)."""
        X = numbers("X", X)
        layers = self.layers(X.shape[1] if X.ndim == 2 else 0, n_classes or 1)
        if X.ndim != 2 or layers[-1].slice.stop != params.shape[1]:
            raise ValueError(
                f"X has the shape {X.shape}, and {self} was trained on other features.\n"
                "Give X (n, F) with the columns of the training data."
            )
        network = self._network(layers, params, 1, _loss(n_classes))
        outputs = network.outputs(network.feed(X[None], np.zeros((1, len(X)))).chunks())
        return np.argmax(outputs, axis=1) if n_classes else outputs[:, 0]

    def _network(self, layers: tuple[Layer, ...], starts: Floats, trials: int, loss: Loss) -> Network:
        return Network(layers, starts, trials, loss, ACTIVATIONS[self.activation], self.weight_decay)

    def __repr__(self) -> str:
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)
            if field.name != "widths" and getattr(self, field.name) != getattr(_PLAIN, field.name)
        ]
        return f"MLP({', '.join([*map(str, self.widths), *given])})"


_PLAIN = MLP()


def _features(blocks: Sequence[Block]) -> int:
    """How many features all parts of all blocks have.

    Raises ValueError where they are not what a network can be trained on.
    """
    features: int | None = None
    for one, part in itertools.product(blocks, ("train", "validation", "test")):
        X, y = (numbers(f"{letter}_{part}", getattr(one, f"{letter}_{part}")) for letter in "Xy")
        features = X.shape[1] if features is None and X.ndim == 2 else features
        if X.ndim != 2 or X.shape[1] != features or not features or y.ndim != 1:
            raise ValueError(
                f"X_{part} and y_{part} have the shapes {X.shape} and {y.shape}. A network needs X (n, F) of "
                "the same features F >= 1 in each part, and y (n,)."
            )
        classes = int(one.n_classes)
        known = (y >= 0) & (y < classes) & (y % 1 == 0)
        if classes and not known.all():
            raise ValueError(
                f"y_{part} must hold class numbers from 0 to {classes - 1}, and it holds {y[~known][0]}. "
                "Number the classes, or give n_classes=0 for real targets."
            )
    return features or 0


def _loss(n_classes: int) -> Loss:
    return CrossEntropy(n_classes) if n_classes else SquaredError()


class Batch(NamedTuple):
    """B rows of data of each of S blocks in the forms the products read: all contiguous."""

    columns: Floats  # (S, F + 1, B), the last row ones
    rows: Any  # (S, B, F + 1), the last column ones; None where no gradient is asked for
    targets: Any  # what the loss made of them

    @property
    def size(self) -> int:
        """B, the true number of rows."""
        return int(self.columns.shape[2])


class Feed:
    """The data of S blocks, handed out in batches.

    X: (S, n, F). y: class numbers (S, n) or real targets (S, n), as the loss wants them.
    """

    def __init__(self, X: Any, y: Any, loss: Loss, dtype: np.dtype[Any]) -> None:
        X = np.asarray(X, dtype=dtype)
        self.X = np.concatenate([X, np.ones((*X.shape[:2], 1), dtype)], axis=2)
        self.y = np.asarray(y)
        self.loss = loss

    def __len__(self) -> int:
        return int(self.X.shape[1])

    def batches(self, orders: NDArray[np.intp], batch_size: int) -> Iterator[Batch]:
        """The data of each block in its order (S, n), cut into batches; the last one keeps what is left."""
        blocks = np.arange(len(orders))[:, None]
        for start in range(0, len(self), batch_size):
            chosen = blocks, orders[:, start : start + batch_size]
            rows, targets = self.X[chosen], self.loss.targets(self.y[chosen], self.X.dtype)
            yield Batch(np.ascontiguousarray(rows.transpose(0, 2, 1)), rows, targets)

    def chunks(self) -> list[Batch]:
        """The data in contiguous chunks for evaluation."""
        made = []
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            columns = np.ascontiguousarray(self.X[:, part].transpose(0, 2, 1))
            made.append(Batch(columns, None, self.loss.targets(self.y[:, part], self.X.dtype)))
        return made


class _Space:
    """The workspace of some rows and one batch width, used by one panel after the other.

    Contiguous buffers, since strided ones cost up to a quarter.
    """

    def __init__(
        self,
        rows: int,
        blocks: int,
        layers: tuple[Layer, ...],
        width: int,
        dtype: np.dtype[Any],
        activation: type[Activation],
    ) -> None:
        hidden = [layer.shape[0] for layer in layers[:-1]]
        self.activations = [activation(np.ones((rows, size + 1, width), dtype)) for size in hidden]
        self.deltas = [np.empty((rows, size, width), dtype) for size in hidden]
        # one row of data: BLAS sums a strided vector otherwise than a contiguous one, so K would show
        shape, axes = (layers[-1].shape[0], rows, width), (1, 0, 2)
        if width > 1:
            self.outputs = np.empty(shape, dtype)
            self.outputs_by_row = self.outputs.transpose(axes)
        else:
            self.outputs_by_row = np.empty((shape[1], shape[0], width), dtype)
            self.outputs = self.outputs_by_row.transpose(axes)
        self.filled = [*(active.values[:, :-1] for active in self.activations), self.outputs_by_row]
        self.first = _by_block(self.filled[0], blocks)
        self.first_delta = _by_block([*self.deltas, self.outputs_by_row][0], blocks)


def workspace(layers: tuple[Layer, ...], width: int, dtype: np.dtype[Any]) -> int:
    """Bytes of the activations of one row and their gradients, for batches of this width."""
    return 2 * sum(layer.shape[0] + 1 for layer in layers) * width * dtype.itemsize


def _on_weights(value: float, layers: tuple[Layer, ...], dtype: np.dtype[Any]) -> Floats:
    """(P,): the value at each weight and 0 at each bias."""
    flat = np.full(layers[-1].slice.stop, value, dtype)
    for layer in layers:
        flat[layer.slice].reshape(layer.shape)[:, -1] = 0
    return flat


def _by_block(values: Floats, blocks: int) -> Floats:
    """A view (K, S, ...) of values (K·S, ...)."""
    return values.reshape(-1, blocks, *values.shape[1:], copy=False)


class _Panel(NamedTuple):
    """Some trials of a network, which pass through it together: views of theirs and a workspace."""

    part: slice  # of the rows
    weights: list[Floats]  # of each layer, (rows, outputs, inputs + 1)
    grads: list[Floats]  # likewise
    back: list[Floats]  # weights transposed, without the bias
    first: Floats  # the first layer's weights by block, (K, S, outputs, inputs + 1)
    first_grad: Floats  # likewise
    space: _Space

    def forward(self, batch: Batch) -> Floats:
        """Fill the activations and outputs; return the outputs (C, rows, B)."""
        space = self.space
        np.matmul(self.first, batch.columns, out=space.first)
        for i, active in enumerate(space.activations, start=1):
            active.forward()
            np.matmul(self.weights[i], active.values, out=space.filled[i])
        return space.outputs

    def backward(self, batch: Batch) -> None:
        """Fill the gradients from what the loss made of the outputs."""
        space, delta = self.space, self.space.outputs_by_row
        for i in range(len(self.weights) - 1, 0, -1):
            active = space.activations[i - 1]
            np.matmul(delta, active.values.transpose(0, 2, 1), out=self.grads[i])
            if delta.shape[1] == 1:  # an inner dimension of 1 leaves BLAS
                np.multiply(self.back[i], delta, out=space.deltas[i - 1])
            else:
                np.matmul(self.back[i], delta, out=space.deltas[i - 1])
            delta = space.deltas[i - 1]
            delta *= active.slope()[:, :-1]
        np.matmul(space.first_delta, batch.rows, out=self.first_grad)


class Network:
    """Copies of a model in one array: params (K·S, P), and grad (K·S, P) after `gradient`.

    starts: (S, P), each block's initial parameters, the same for each of its K trials. The trials pass
    through in panels whose workspace stays within `PANEL` bytes, so memory does not grow with K.
    """

    def __init__(
        self,
        layers: tuple[Layer, ...],
        starts: Floats,
        trials: int,
        loss: Loss,
        activation: type[Activation] = ACTIVATIONS["relu"],
        weight_decay: float = 0.0,
    ) -> None:
        self.layers, self.loss, self.blocks, self.rows = layers, loss, len(starts), trials * len(starts)
        self.worst, self.activation = loss.worst, activation
        self.params = np.tile(starts, (trials, 1))
        self.grad = np.zeros_like(self.params)
        self.penalty = _on_weights(weight_decay, layers, self.params.dtype) if weight_decay else None
        self._by_width: dict[int, list[_Panel]] = {}
        self._spaces: dict[tuple[int, int], _Space] = {}

    def _panels(self, width: int) -> list[_Panel]:
        """All rows, cut into panels for batches of this width."""
        if width not in self._by_width:
            size, trials = workspace(self.layers, width, self.params.dtype), self.rows // self.blocks
            count = -(-trials // max(PANEL // (size * self.blocks), 1))
            cuts = [self.blocks * (trials * i // count) for i in range(count + 1)]
            self._by_width[width] = [self._panel(slice(*ends), width) for ends in itertools.pairwise(cuts)]
        return self._by_width[width]

    def _panel(self, part: slice, width: int) -> _Panel:
        rows = part.stop - part.start
        if (rows, width) not in self._spaces:
            made = _Space(rows, self.blocks, self.layers, width, self.params.dtype, self.activation)
            self._spaces[rows, width] = made
        weights, grads = (
            [flat[part, one.slice].reshape(rows, *one.shape, copy=False) for one in self.layers]
            for flat in (self.params, self.grad)
        )
        back = [w[:, :, :-1].transpose(0, 2, 1) for w in weights]
        first, first_grad = (_by_block(views[0], self.blocks) for views in (weights, grads))
        return _Panel(part, weights, grads, back, first, first_grad, self._spaces[rows, width])

    def feed(self, X: Any, y: Any) -> Feed:
        """Data of all blocks, X (S, n, F) and y (S, n), in the dtype of the parameters."""
        return Feed(X, y, self.loss, self.params.dtype)

    def gradient(self, batch: Batch) -> Floats:
        """Fill `grad` with the gradient of the batch's mean loss and the penalty; return the loss, (K·S,)."""
        losses = np.empty(self.rows, self.params.dtype)
        for panel in self._panels(batch.size):
            losses[panel.part] = self.loss.backward(panel.forward(batch), batch.targets)
            panel.backward(batch)
        if self.penalty is not None:
            self.grad += self.penalty * self.params
        return losses

    def evaluate(self, chunks: list[Batch]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean loss (K·S,) and error (K·S,) of all rows on some data, from `Feed.chunks`."""
        loss, wrong = np.zeros(self.rows), np.zeros(self.rows)
        for chunk in chunks:
            for panel in self._panels(chunk.size):
                chunk_loss, chunk_wrong = self.loss.measure(panel.forward(chunk), chunk.targets)
                loss[panel.part] += chunk_loss
                wrong[panel.part] += chunk_wrong
        count = sum(chunk.size for chunk in chunks)
        return loss / count, self.loss.error(wrong / count)

    def outputs(self, chunks: list[Batch]) -> Floats:
        """The raw outputs (n, C) of the first row."""
        return np.concatenate([self._panels(one.size)[0].forward(one)[:, 0].T.copy() for one in chunks])
