"""Optimizers that look at layers: weights and biases as tensors of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlopt.average import Floats
from dlopt.optimizer import State

__all__: list[str] = []


def tensors(flat: Floats, state: State) -> Iterator[Floats]:
    """Views (..., outputs, inputs) of each layer's weights and then (..., outputs, 1) of its biases."""
    for _, where, shape in state.layers:
        whole = flat[..., where].reshape(*flat.shape[:-1], *shape)
        yield whole[..., :-1]
        yield whole[..., -1:]


def norm(x: Floats) -> Floats:
    """The Euclidean norm of each tensor, (..., 1, 1)."""
    length: Floats = np.sqrt(np.sum(x * x, axis=(-2, -1), keepdims=True))
    return length


def of_weights(state: State) -> Floats:
    """(P,) truth values: which parameters are weights, not biases."""
    found = np.ones(state.params.shape[-1], bool)
    for _, where, shape in state.layers:
        found[where].reshape(shape)[:, -1] = False
    return found
