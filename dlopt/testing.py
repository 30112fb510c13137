"""The conformance suite: what every optimizer must keep to, the suite's own and yours."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Container, Iterator
from typing import Any

import numpy as np

from dlopt import hyperparameters
from dlopt.average import Floats
from dlopt.grid import geometric
from dlopt.interfaces import Layer
from dlopt.optimizer import Optimizer, suggest

__all__ = ["check", "problems"]

STEPS, WIDTH = 25, 23
LAYERS = (Layer("hidden", slice(0, 15), (3, 5)), Layer("head", slice(15, 23), (2, 4)))  # of WIDTH in all
Kind = type[Any]
_CHECKS: list[Callable[[Kind], Iterator[str]]] = []


def problems(optimizer: type[Optimizer], but: Container[str] = ()) -> list[str]:
    """Everything that is wrong with an optimizer class, one sentence each; empty when nothing is.

    but: what it is not held to, such as "gradients of zero or huge" and "descent".
    """
    found = []
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        for one in _CHECKS:
            if one.__name__[1:].replace("_", " ") in but:
                continue
            try:
                found += list(one(optimizer))
            except Exception as error:  # a user's formula may raise anything, and that is an answer
                found.append(f"{one.__name__[1:].replace('_', ' ')}: {type(error).__name__}: {error}")
            if found and one is _update:
                break  # all else would follow from it
    return list(dict.fromkeys(found))


def check(optimizer: type[Optimizer]) -> None:
    """Raise AssertionError, with all that is wrong in words, unless the class keeps to the contract."""
    found = problems(optimizer)
    if found:
        raise AssertionError("\n".join([f"{optimizer.__name__} has {len(found)} problem(s):", *found]))


def _check(function: Callable[[Kind], Iterator[str]]) -> Callable[[Kind], Iterator[str]]:
    _CHECKS.append(function)
    return function


def _gradients(rows: int, dtype: Any = np.float64) -> Floats:
    rng = np.random.default_rng(0)
    return rng.normal(size=(STEPS, rows, WIDTH)).astype(dtype)


def _walk(optimizer: Any, gradients: Floats, layers: tuple[Layer, ...] = LAYERS) -> Floats:
    """Where it comes to, and what is evaluated there."""
    params, state = np.ones_like(gradients[0]), None
    for gradient in gradients:
        params, state = optimizer.step(
            params, gradient, state, layers=layers, again=lambda point, at=gradient: at + point / 10
        )
    return np.stack([params, optimizer.seen(params, state)])


def _draws(kind: Kind, rows: int) -> list[dict[str, float]]:
    """Different legal settings, one per row: of all hyperparameters."""
    settings: list[dict[str, float]] = [{} for _ in range(rows)]
    for name, default in _defaults(kind).items():
        field = hyperparameters.declared(kind)[name]
        middle, sign = abs(field.to_trial(default)) or 0.1, -1 if default < 0 else 1
        low, high = field.search or (middle / 4, middle * (1 if field.high == 1 else 4))
        _, *inner, _ = geometric(low, high, rows + 2)
        for one, value in zip(settings, inner, strict=True):
            one[name] = field.from_trial(sign * value)
            if not field.accepts(np.asarray(one[name])):
                one[name] = default
    return settings


def _others(field: hyperparameters.Field, value: float) -> list[float]:
    """Legal values far from the given one; what only clamps acts at some of them."""
    if field.high == 1:
        return [other for other in (0.5, 0.95, 0.05, 0.999) if abs(other - value) > 0.02]
    far = [value * 10 + 1, value / 10, value / 1000, value * 1000 + 1]
    return [float(round(other)) for other in far if other >= 1] if field.whole else far


@_check
def _update(kind: Kind) -> Iterator[str]:
    for dtype in (np.float32, np.float64):
        optimizer = kind(**{n: [v, v] for n, v in _defaults(kind).items()})
        gradient = _gradients(2, dtype)[0]
        kept = gradient.copy()
        bound = optimizer.bind(gradient.dtype)
        state = bound.new_state(np.ones_like(gradient), LAYERS)
        state.t, state._left = 1, optimizer.gradients - 1
        state._again = lambda point, at=gradient: at + point / 10
        lr = optimizer.cast(optimizer.lr_at(0), gradient)
        step = bound.update(gradient, state, lr)
        if step is None:
            yield "update returns None; return the step, (K, P)."
            return
        if not isinstance(step, np.ndarray) or step.shape != gradient.shape:
            yield f"update returns {np.shape(step)} for gradients {gradient.shape}; return the step, (K, P)."
            return
        if step.dtype != dtype:
            yield f"update returns {step.dtype} for {np.dtype(dtype)} gradients; keep the gradients' dtype."
        if not np.isfinite(step).all():
            yield "update returns steps that are not finite for ordinary gradients; look for 0/0 or √(< 0)."
        if gradient.tobytes() != kept.tobytes():
            yield "update changes the gradient it is given; work on a copy."
        for name in kind.state:
            array = getattr(state, name)
            if np.shape(array) != gradient.shape or array.dtype != dtype:
                became = f"{np.shape(array)} {np.asarray(array).dtype}"
                yield f"state {name!r} became {became}; keep its shape and dtype."
        read = bound.evaluated(state.params, state)
        if np.shape(read) != gradient.shape or read.dtype != dtype:
            yield f"evaluated returns {np.shape(read)}; return parameters like those it is given."


def _defaults(kind: Kind) -> dict[str, float]:
    optimizer = kind()
    return {name: getattr(optimizer, name) for name in hyperparameters.declared(kind)}


@_check
def _state(kind: Kind) -> Iterator[str]:
    gradients, state, params = _gradients(1)[:, 0], None, np.ones(WIDTH)
    optimizer = kind(**(_draws(kind, 1)[0]))
    for gradient in gradients:
        params, state = optimizer.step(
            params, gradient, state, again=lambda point, at=gradient: at + point / 10
        )
    for name in kind.state:
        if not np.any(getattr(state, name)):
            yield f"state {name!r} stays 0: it is declared, but nothing is kept in it between steps."


@_check
def _rows(kind: Kind) -> Iterator[str]:
    settings = _draws(kind, 5)
    stack = kind(**{name: [one[name] for one in settings] for name in settings[0]})
    for dtype in (np.float32, np.float64):
        gradients = _gradients(5, dtype)
        gradients[3:, 1] = np.inf  # a broken row must not touch the others
        gradients[5:, 3] = np.nan
        together = _walk(stack, gradients)
        for i, one in enumerate(settings):
            if _walk(kind(**one), gradients[:, i]).tobytes() != together[:, i].tobytes():
                yield (
                    f"row {i} of a stack of 5 in {np.dtype(dtype)} differs from the same trial alone; reduce "
                    "over the last axis only, and let hyperparameters broadcast as (K, 1)."
                )
                return


@_check
def _gradients_of_zero_or_huge(kind: Kind) -> Iterator[str]:
    for value in (0.0, 1e-30, 1e15):
        gradients = np.full((STEPS, WIDTH), value, np.float32)
        if not np.isfinite(_walk(kind(), gradients)).all():
            yield f"gradients of {value:g} give steps that are not finite; guard the division (an ε)."


@_check
def _learning_rate(kind: Kind) -> Iterator[str]:
    gradients = _gradients(1)[:, 0]
    lr = kind().lr
    if _walk(kind(lr=lr), gradients).tobytes() == _walk(kind(lr=2 * lr), gradients).tobytes():
        yield "the learning rate does nothing: twice of it walks the same path; use update's argument lr."


@_check
def _hyperparameters(kind: Kind) -> Iterator[str]:
    ways = [_gradients(1)[:, 0] * size for size in (1, 1e-3, 1e3)]
    plain = [_walk(kind(), way).tobytes() for way in ways]
    for name, value in _defaults(kind).items():
        others = _others(hyperparameters.declared(kind)[name], value)
        pairs = ((way, known, other) for other in others for way, known in zip(ways, plain, strict=True))
        if all(_walk(kind(**{name: other}), way).tobytes() == known for way, known, other in pairs):
            yield (
                f"{name} is ignored: {value:g} and {others[0]:g} walk the same path; use self.{name} in "
                "update."
            )


@_check
def _repeats(kind: Kind) -> Iterator[str]:
    gradients = _gradients(3)
    if _walk(kind(), gradients).tobytes() != _walk(kind(), gradients).tobytes():
        yield "the same steps taken twice differ in their bits; use no random numbers and no clock."


@_check
def _prints(kind: Kind) -> Iterator[str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        _walk(kind(), _gradients(1)[:2, 0])
    if said.getvalue():
        yield f"it prints ({said.getvalue().strip()[:40]!r}), and a study takes a million steps: print less."


@_check
def _descent(kind: Kind) -> Iterator[str]:
    low, high = hyperparameters.declared(kind)["lr"].search or (1e-6, 1.0)
    rates = geometric(low, high, 9)
    params, state, curvature = np.ones((9, WIDTH)), None, np.arange(1, WIDTH + 1)
    optimizer = kind(lr=rates)
    for _ in range(200):
        params, state = optimizer.step(
            params, params * curvature, state, again=lambda point: point * curvature
        )
    params = optimizer.seen(params, state)
    losses = np.sum(params * params * curvature, axis=1)
    if not np.any(losses < curvature.sum() / 2):
        yield "no learning rate of the search range halves a plain quadratic in 200 steps; is the sign right?"


@_check
def _search(kind: Kind) -> Iterator[str]:
    class Corner:
        def __init__(self, end: int) -> None:
            self.end = end

        def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
            return (low, high)[self.end]

        def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
            return (low, high)[self.end]

    if hyperparameters.declared(kind)["lr"].search is None:
        yield "lr has no search range, so a study cannot tune it; declare rate(default, search=(low, high))."
    for end in (0, 1):
        suggest(Corner(end), kind)
