"""Functions of the parameters alone, where what an optimizer does is known in closed form.

A landscape is what `descend` walks on: it has a start (P,), value(params) -> (K,),
gradient(params, batch) -> (K, P), and batches, what the mini-batches of an epoch are.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlopt.arguments import is_whole, numbers, shown
from dlopt.optimizer import Optimizer, all_optimizers, join, listed, placed

__all__ = ["Quadratic", "descend", "quadratic_deep", "strict_saddle"]

Doubles = NDArray[np.float64]


class Landscape(Protocol):
    """What `descend` asks of a landscape; params are (K, P), and K walk at once."""

    @property
    def start(self) -> ArrayLike:
        """Where all walks begin, (P,)."""

    def value(self, params: Doubles) -> Doubles:
        """The height (K,), without noise and over all samples."""

    def gradient(self, params: Doubles, batch: Any) -> Doubles:
        """The gradient (K, P) that a mini-batch shows; the same noise for all K."""

    def batches(self, rng: np.random.Generator, batch_size: int, shuffle: bool) -> Iterator[Any]:
        """The mini-batches of one epoch."""


@dataclasses.dataclass(frozen=True, eq=False)
class Quadratic:
    """½(w-x)ᵀH(w-x), averaged over samples x; or over x = 0 with noise on the gradient.

    hessian: H, (P, P) symmetric, or its diagonal (P,); negative curvature makes a saddle. start: (P,).
    samples: (n, P), by default the origin. noise: (P,) or a number, the variance that one example adds to
    each component of the gradient; a mini-batch of B adds it divided by B (Zhang et al. 2019, "Which
    algorithmic choices matter at which batch sizes?", the noisy quadratic model). Raises ValueError where
    shapes do not fit.
    """

    hessian: ArrayLike
    start: ArrayLike
    samples: ArrayLike | None = None
    noise: ArrayLike = 0.0
    _middle: Doubles = dataclasses.field(init=False, repr=False)  # of the samples, and their height there
    _least: float = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        start, hessian = (np.asarray(numbers(n, getattr(self, n)), float) for n in ("start", "hessian"))
        given = np.zeros((1, *start.shape)) if self.samples is None else self.samples
        samples = np.asarray(numbers("samples", given), float)
        fits = start.ndim == 1 and hessian.shape in (start.shape, start.shape * 2)
        if not fits or samples.ndim != 2 or samples.shape[1:] != start.shape or not len(samples):
            raise ValueError(
                f"A start {start.shape}, a Hessian {hessian.shape} and samples {samples.shape} do not fit. "
                "Give a start (P,), a Hessian (P, P) or (P,), and samples (n, P)."
            )
        noise = np.asarray(numbers("noise", self.noise), float)
        if noise.shape not in ((), (1,), start.shape) or not (noise >= 0).all():
            raise ValueError(
                f"The noise is a variance >= 0, or one for each component, not {shown(self.noise)}. "
                "Give 0 for none."
            )
        noise = np.broadcast_to(noise, start.shape)
        for name, value in (("start", start), ("hessian", hessian), ("samples", samples), ("noise", noise)):
            object.__setattr__(self, name, value)
        middle = samples.mean(axis=0)
        moved = samples - middle
        object.__setattr__(self, "_middle", middle)
        object.__setattr__(self, "_least", np.add.reduce(moved * self._times(moved), axis=1).mean() / 2)

    def _times(self, moved: Doubles) -> Doubles:
        """H times each row; row by row, so that a row's bytes depend on no neighbour."""
        hessian: Doubles = np.asarray(self.hessian)
        return moved * hessian if hessian.ndim == 1 else np.matmul(moved[:, None], hessian)[:, 0]

    def value(self, params: Doubles) -> Doubles:
        """See `Landscape`."""
        moved = params - self._middle
        height: Doubles = np.add.reduce(moved * self._times(moved), axis=1) / 2 + self._least
        return height

    def gradient(self, params: Doubles, batch: Any) -> Doubles:
        """See `Landscape`; batch: the mean of its samples, and its noise."""
        middle, noise = batch
        slope: Doubles = self._times(params - middle) + noise
        return slope

    def batches(self, rng: np.random.Generator, batch_size: int, shuffle: bool) -> Iterator[Any]:
        """See `Landscape`; the last one keeps what is left."""
        samples, noise = np.asarray(self.samples), np.asarray(self.noise)
        order = rng.permutation(len(samples)) if shuffle else np.arange(len(samples))
        scale = np.sqrt(noise / batch_size)
        for first in range(0, len(samples), batch_size):
            one = samples[order[first : first + batch_size]].mean(axis=0)
            yield one, scale * rng.standard_normal(len(scale)) if noise.any() else 0.0


def strict_saddle(off: float = 1e-6) -> Quadratic:
    """½(x² - y²) from (1, off): flat and steep at once, and off the ridge by a hair."""
    return Quadratic([1.0, -1.0], [1.0, off])


def quadratic_deep() -> tuple[Quadratic, Quadratic]:
    """The training and the test landscape of DeepOBS's problem (Schneider et al. 2019), float64.

    90 % of the curvatures are small, from U(0, 1), the rest large, from U(30, 60), turned by a random
    rotation; samples from N(0, .6²). The test samples are the first 896 of a thousand, as published.
    """
    rng = np.random.RandomState(42)
    curvatures = np.concatenate([rng.uniform(0, 1, 90), rng.uniform(30, 60, 10)])
    rotation = _rotation(rng, 100)
    hessian = rotation.T @ np.diag(curvatures) @ rotation
    train, test = (
        np.random.RandomState(seed).normal(0, 0.6, (1000, 100)).astype(np.float32) for seed in (42, 43)
    )
    return Quadratic(hessian, np.ones(100), train), Quadratic(hessian, np.ones(100), test[:896])


def _rotation(rng: np.random.RandomState, dimensions: int) -> Doubles:
    """A random rotation by the subgroup algorithm (Diaconis & Shahshahani 1987)."""
    angle = 2 * np.pi * rng.uniform()
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for size in range(2, dimensions):
        v = rng.normal(size=size + 1)
        v /= np.sqrt(np.sum(v * v))
        x = -v
        x[0] += 1
        x /= np.sqrt(np.sum(x * x))
        wider = np.zeros((size + 1, size + 1))
        wider[0, 0], wider[1:, 1:] = 1, rotation
        rotation = wider - 2 * np.outer(x, x @ wider)
    return -rotation


@dataclasses.dataclass(frozen=True)
class Walk:
    """Where K walks went. values: (steps + 1, K) heights; params: (steps + 1, K, P)."""

    values: Doubles
    params: Doubles


def descend(
    landscape: Landscape,
    optimizers: Optimizer | Sequence[Optimizer],
    *,
    steps: int,
    batch_size: int = 1,
    shuffle: bool = True,
    seed: int = 0,
) -> Walk:
    """Let all trials of all optimizers walk side by side, on the same mini-batches and noise, in float64.

    steps: >= 0, of each walk. batch_size: samples of a step, or what divides the noise. shuffle: samples
    anew in each epoch, or always in their order. An epoch, which schedules count, is one pass through the
    samples. Raises ValueError for numbers out of range.
    """
    for name, value, least in (("steps", steps, 0), ("batch_size", batch_size, 1)):
        if not is_whole(value) or value < least:
            raise ValueError(
                f"{name} must be a whole number >= {least}, not {shown(value)}. Choose another one."
            )
    given = listed(optimizers)
    if not given:
        raise ValueError("descend got no optimizers. Give at least one, such as [Adam()].")
    all_optimizers("descend", given)
    groups = [join(list(same)) for _, same in itertools.groupby(given, type)]
    rows = sum(group.rows for group in groups)
    params = np.tile(np.asarray(landscape.start, np.float64), (rows, 1))
    parts = placed(groups, params)
    rng, seen = np.random.default_rng(seed), np.empty((steps + 1, *params.shape))
    seen[0] = params
    with np.errstate(all="ignore"):  # divergence is a result
        step = 0
        for epoch in itertools.count():
            if step == steps:
                break
            rates = [group.cast(group.lr_at(epoch), params) for group, *_ in parts]
            batches = landscape.batches(rng, batch_size, shuffle)
            for batch in itertools.islice(batches, steps - step):
                slope = functools.partial(landscape.gradient, batch=batch)
                grad = slope(params)
                for (group, mine, state), lr in zip(parts, rates, strict=True):
                    group.move(params[mine], grad[mine], state, lr, slope)
                step += 1
                seen[step] = params
        values = np.stack([landscape.value(one) for one in seen])
    return Walk(values, seen)
