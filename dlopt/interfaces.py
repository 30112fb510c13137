"""What `train` asks of data and of a model: any object that has this will do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dlopt.average import Floats

Doubles = NDArray[np.float64]


class Layer(NamedTuple):
    """Where a weight matrix lies in the flat parameters: its bias is the last column of its shape."""

    name: str
    slice: slice
    shape: tuple[int, int]


class Block(Protocol):
    """What is trained on: one split of a dataset, with the seed of weights and mini-batch order."""

    @property
    def X_train(self) -> Any:
        """Features (n, F) to train on."""

    @property
    def y_train(self) -> Any:
        """Their targets (n,)."""

    @property
    def X_validation(self) -> Any:
        """Features to choose by."""

    @property
    def y_validation(self) -> Any:
        """Their targets."""

    @property
    def X_test(self) -> Any:
        """Features read once, at the end."""

    @property
    def y_test(self) -> Any:
        """Their targets."""

    @property
    def n_classes(self) -> int:
        """The number of classes, 0 for regression."""

    @property
    def seed(self) -> int:
        """Of the initial weights and the mini-batch order."""


class Model(Protocol):
    """What `train` asks of a model: `MLP`, `Problem`."""

    def stack(self, blocks: Sequence[Block], trials: int, dtype: np.dtype[Any]) -> Stack:
        """Copies for some trials on each block."""

    def answers(self, params: Floats, X: NDArray[Any], n_classes: int) -> NDArray[Any]:
        """What params (1, P) predict for X, (n,)."""


class Stack(Protocol):
    """Copies of a model that train side by side: K trials on each of S blocks, the blocks innermost."""

    params: Floats  # (K·S, P), which training changes
    grad: Floats  # likewise, as `gradient` left it
    rows: int  # K·S
    blocks: int  # S
    worst: float  # the error of a diverged trial
    layers: tuple[Layer, ...]  # of the parameters, where the model has such a thing

    def feed(self, X: Any, y: Any) -> Data:
        """Data of all blocks, X (S, n, ...) and y (S, n, ...)."""

    def gradient(self, batch: Any) -> Floats:
        """Fill `grad` for a batch; return the loss, (K·S,)."""

    def evaluate(self, chunks: Any) -> tuple[Doubles, Doubles]:
        """Loss and error of all rows on some data, (K·S,) each."""


class Data(Protocol):
    """What feeds a stack; what its batches and chunks are only the stack knows."""

    def __len__(self) -> int:
        """The rows of data of one block."""

    def batches(self, orders: NDArray[np.intp], batch_size: int) -> Iterable[Any]:
        """The data of each block in its order (S, n), cut into batches; the last one keeps what is left."""

    def chunks(self) -> Any:
        """All data, for `evaluate`."""
