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
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlopt.average import Floats
from dlopt.losses import Loss

CHUNK = 256  # rows of data evaluated at once: the activations of a chunk stay in the cache


class Layer(NamedTuple):
    """Where a weight matrix lies in the flat parameters: its bias is the last column of its shape."""

    name: str
    slice: slice
    shape: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class MLP:
    """A multilayer perceptron with ReLU between layers and He's initial weights (He et al. 2015).

    widths: sizes of the hidden layers, each >= 1; none gives softmax or linear regression.
    """

    widths: tuple[int, ...]

    def __init__(self, *widths: int) -> None:
        for width in widths:
            if isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1:
                raise ValueError(
                    f"A hidden layer needs a whole number >= 1, not {width!r}. Write for example MLP(64, 32)."
                )
        object.__setattr__(self, "widths", tuple(int(w) for w in widths))

    def layers(self, n_features: int, n_outputs: int) -> tuple[Layer, ...]:
        """The layout of the flat parameters, from the input on."""
        sizes, start, layers = (n_features, *self.widths, n_outputs), 0, []
        for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            size = outputs * (inputs + 1)
            layers.append(Layer(f"layer{i + 1}", slice(start, start + size), (outputs, inputs + 1)))
            start += size
        return tuple(layers)

    def start(self, layers: tuple[Layer, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        """Initial parameters (P,): weights from N(0, 2 / inputs), biases 0."""
        params = np.zeros(layers[-1].slice.stop)
        for layer in layers:
            outputs, inputs = layer.shape[0], layer.shape[1] - 1
            weights = params[layer.slice].reshape(layer.shape)
            weights[:, :-1] = rng.normal(0.0, np.sqrt(2.0 / inputs), (outputs, inputs))
        return params

    def __repr__(self) -> str:
        return f"MLP({', '.join(map(str, self.widths))})"


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
    """The workspace of one batch width: contiguous buffers, since strided ones cost up to a quarter."""

    def __init__(
        self, rows: int, blocks: int, layers: tuple[Layer, ...], width: int, dtype: np.dtype[Any]
    ) -> None:
        hidden = [layer.shape[0] for layer in layers[:-1]]
        self.activations = [np.ones((rows, size + 1, width), dtype) for size in hidden]
        self.zeros = [np.zeros_like(a) for a in self.activations]
        self.masks = [np.empty(a.shape, bool) for a in self.activations]
        self.deltas = [np.empty((rows, size, width), dtype) for size in hidden]
        # one row of data: BLAS sums a strided vector otherwise than a contiguous one, so K would show
        shape, axes = (layers[-1].shape[0], rows, width), (1, 0, 2)
        if width > 1:
            self.outputs = np.empty(shape, dtype)
            self.outputs_by_row = self.outputs.transpose(axes)
        else:
            self.outputs_by_row = np.empty((shape[1], shape[0], width), dtype)
            self.outputs = self.outputs_by_row.transpose(axes)
        self.filled = [*(active[:, :-1] for active in self.activations), self.outputs_by_row]
        self.first = by_block(self.filled[0], blocks)
        self.first_delta = by_block([*self.deltas, self.outputs_by_row][0], blocks)


def by_block(values: Floats, blocks: int) -> Floats:
    """A view (K, S, ...) of values (K·S, ...)."""
    return values.reshape(-1, blocks, *values.shape[1:], copy=False)


class Network:
    """Copies of a model in one array: params (K·S, P), and grad (K·S, P) after `gradient`.

    starts: (S, P), each block's initial parameters, the same for each of its K trials.
    """

    def __init__(self, layers: tuple[Layer, ...], starts: Floats, trials: int, loss: Loss) -> None:
        self.layers, self.loss, self.blocks, self.rows = layers, loss, len(starts), trials * len(starts)
        self.params = np.tile(starts, (trials, 1))
        self.grad = np.zeros_like(self.params)
        self._weights = [self._view(self.params, layer) for layer in layers]
        self._grads = [self._view(self.grad, layer) for layer in layers]
        self._back = [w[:, :, :-1].transpose(0, 2, 1) for w in self._weights]
        self._first, self._first_grad = (by_block(v[0], self.blocks) for v in (self._weights, self._grads))
        self._spaces: dict[int, _Space] = {}

    def _view(self, flat: Floats, layer: Layer) -> Floats:
        return flat[:, layer.slice].reshape(self.rows, *layer.shape, copy=False)

    def _space(self, width: int) -> _Space:
        if width not in self._spaces:
            self._spaces[width] = _Space(self.rows, self.blocks, self.layers, width, self.params.dtype)
        return self._spaces[width]

    def _forward(self, batch: Batch, space: _Space) -> None:
        np.matmul(self._first, batch.columns, out=space.first)
        for i, (active, zeros) in enumerate(zip(space.activations, space.zeros, strict=True), start=1):
            np.maximum(active, zeros, out=active)
            np.matmul(self._weights[i], active, out=space.filled[i])

    def gradient(self, batch: Batch) -> Floats:
        """Fill `grad` with the gradient of the batch's mean loss; return that loss, (K·S,)."""
        space = self._space(batch.size)
        self._forward(batch, space)
        losses = self.loss.backward(space.outputs, batch.targets)
        delta = space.outputs_by_row
        for i in range(len(self.layers) - 1, 0, -1):
            active, mask = space.activations[i - 1], space.masks[i - 1]
            np.matmul(delta, active.transpose(0, 2, 1), out=self._grads[i])
            if delta.shape[1] == 1:  # an inner dimension of 1 leaves BLAS
                np.multiply(self._back[i], delta, out=space.deltas[i - 1])
            else:
                np.matmul(self._back[i], delta, out=space.deltas[i - 1])
            delta = space.deltas[i - 1]
            np.greater(active, space.zeros[i - 1], out=mask)
            delta *= mask[:, :-1]
        np.matmul(space.first_delta, batch.rows, out=self._first_grad)
        return losses

    def evaluate(self, chunks: list[Batch]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean loss (K·S,) and error (K·S,) of all rows on some data, from `Feed.chunks`."""
        loss, wrong = np.zeros(self.rows), np.zeros(self.rows)
        for chunk in chunks:
            space = self._space(chunk.size)
            self._forward(chunk, space)
            chunk_loss, chunk_wrong = self.loss.measure(space.outputs, chunk.targets)
            loss += chunk_loss
            wrong += chunk_wrong
        count = sum(chunk.size for chunk in chunks)
        return loss / count, self.loss.error(wrong / count)

    def outputs(self, chunks: list[Batch], row: int) -> Floats:
        """The raw outputs (n, C) of one row."""
        parts = []
        for chunk in chunks:
            space = self._space(chunk.size)
            self._forward(chunk, space)
            parts.append(space.outputs[:, row].T.copy())
        return np.concatenate(parts)
