"""Surfaces with known minima and saddles, the textbook's own: simple ones first, quadratics before all.

Each is a landscape for `descend`, see dlopt.landscapes. `SURFACES` has them by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlopt.arguments import numbers, shown
from dlopt.grid import geometric
from dlopt.landscapes import Doubles, Quadratic, strict_saddle

__all__ = ["SURFACES", "Surface"]


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """A function of the parameters and its gradient, with what is known of it.

    height: (K, P) → (K,). slope: (K, P) → (K, P). start: (P,). minima: (m, P), all of them, of height
    `least`; saddles: (s, P), some. noise: the variance that one example adds to each component of the
    gradient; a mini-batch of B adds it divided by B. Raises ValueError for a negative one.
    """

    height: Callable[[Doubles], Doubles]
    slope: Callable[[Doubles], Doubles]
    start: ArrayLike
    minima: ArrayLike = ()
    least: float = 0.0
    saddles: ArrayLike = ()
    noise: float = 0.0

    def __post_init__(self) -> None:
        noise = numbers("noise", self.noise)
        if noise.ndim or not noise >= 0:
            raise ValueError(f"The noise is a variance >= 0, not {shown(self.noise)}. Give 0 for none.")
        for name in ("start", "minima", "saddles"):
            object.__setattr__(self, name, np.asarray(numbers(name, getattr(self, name)), np.float64))

    def value(self, params: Doubles) -> Doubles:
        """See `Landscape`."""
        return self.height(params)

    def gradient(self, params: Doubles, batch: Any) -> Doubles:
        """See `Landscape`; batch: the noise that all rows see."""
        slope: Doubles = self.slope(params) + batch
        return slope

    def batches(self, rng: np.random.Generator, batch_size: int, shuffle: bool) -> Iterator[Any]:
        """See `Landscape`: one mini-batch is an epoch."""
        scale = np.sqrt(self.noise / batch_size)
        yield scale * rng.standard_normal(np.shape(self.start)) if self.noise else 0.0


def _columns(params: Doubles) -> tuple[Doubles, Doubles]:
    return params[:, 0], params[:, 1]


def bowl(condition: float = 1.0, dimensions: int = 2) -> Quadratic:
    """½Σhᵢwᵢ² with curvatures from 1/condition to 1, evenly on the log scale, from (1, …, 1)."""
    if not condition >= 1 or dimensions < 2:
        raise ValueError(
            f"A bowl has a condition number >= 1 and 2 dimensions or more, not {condition!r} and "
            f"{dimensions!r}. Give others."
        )
    return Quadratic(np.array(geometric(1 / condition, 1, dimensions)), np.ones(dimensions))


def ravine() -> Quadratic:
    """A bowl a hundred times steeper along one axis than along the other."""
    return bowl(100.0)


def saddle(dimensions: int = 100, negative: int = 10, off: float = 1e-6) -> Quadratic:
    """A saddle in many dimensions: curvature -1 in the last `negative`, +1 in the others.

    From 1 in those that rise and `off` in those that fall.
    """
    up = dimensions - negative
    return Quadratic(np.repeat([1.0, -1.0], [up, negative]), np.repeat([1.0, off], [up, negative]))


def monkey_saddle(off: float = 1e-3) -> Surface:
    """x³ - 3xy² (two legs and a tail): its Hessian is 0 at the saddle, so no direction is steep at first.

    It starts off the saddle by a hair, uphill of a way down.
    """

    def height(params: Doubles) -> Doubles:
        x, y = _columns(params)
        return x**3 - 3 * x * y**2

    def slope(params: Doubles) -> Doubles:
        x, y = _columns(params)
        return np.stack([3 * x**2 - 3 * y**2, -6 * x * y], axis=1)

    return Surface(height, slope, [0.3, off], saddles=[[0.0, 0.0]], least=-np.inf)


def plateau(far: float = 3.5) -> Surface:
    """Σ(1 - exp(-w²/2)): flat but for a well at 0; `far` away its slope is far·exp(-far²/2), and 0 beyond."""

    def height(params: Doubles) -> Doubles:
        total: Doubles = np.sum(1 - np.exp(-(params**2) / 2), axis=1)
        return total

    def slope(params: Doubles) -> Doubles:
        return params * np.exp(-(params**2) / 2)

    return Surface(height, slope, [far, far], [[0.0, 0.0]])


def rosenbrock() -> Surface:
    """(1-x)² + 100(y-x²)²: a bent valley whose floor hardly falls (Rosenbrock 1960), from (-1.2, 1)."""

    def height(params: Doubles) -> Doubles:
        x, y = _columns(params)
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    def slope(params: Doubles) -> Doubles:
        x, y = _columns(params)
        return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=1)

    return Surface(height, slope, [-1.2, 1.0], [[1.0, 1.0]])


def beale() -> Surface:
    """Σ(cᵢ - x + xyⁱ)², c = 1.5, 2.25, 2.625 (Beale 1958): flat far away, steep at the edges, from (1, 1)."""
    constants = np.array([1.5, 2.25, 2.625])

    def height(params: Doubles) -> Doubles:
        x, y = _columns(params)
        total: Doubles = sum((c - x + x * y**i) ** 2 for i, c in enumerate(constants, 1))
        return total

    def slope(params: Doubles) -> Doubles:
        x, y = _columns(params)
        terms = [(c - x + x * y**i, i) for i, c in enumerate(constants, 1)]
        along_x = sum(2 * term * (y**i - 1) for term, i in terms)
        along_y = sum(2 * term * i * x * y ** (i - 1) for term, i in terms)
        return np.stack([along_x, along_y], axis=1)

    return Surface(height, slope, [1.0, 1.0], [[3.0, 0.5]])


def himmelblau() -> Surface:
    """(x²+y-11)² + (x+y²-7)²: four minima of the same height (Himmelblau 1972), from (0, 0)."""
    minima = [
        [3.0, 2.0],
        [-2.805118086952745, 3.131312518250573],
        [-3.779310253377747, -3.283185991286170],
        [3.584428340330492, -1.848126526964404],
    ]

    def height(params: Doubles) -> Doubles:
        x, y = _columns(params)
        return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

    def slope(params: Doubles) -> Doubles:
        x, y = _columns(params)
        a, b = x**2 + y - 11, x + y**2 - 7
        return np.stack([4 * x * a + 2 * b, 2 * a + 4 * y * b], axis=1)

    return Surface(height, slope, [0.0, 0.0], minima)


def rastrigin(dimensions: int = 2) -> Surface:
    """10P + Σ(w² - 10 cos 2πw): one minimum among many holes (Rastrigin 1974), from (2.6, 1.7, 2.6, …)."""

    def height(params: Doubles) -> Doubles:
        total: Doubles = np.sum(10 + params**2 - 10 * np.cos(2 * np.pi * params), axis=1)
        return total

    def slope(params: Doubles) -> Doubles:
        return 2 * params + 20 * np.pi * np.sin(2 * np.pi * params)

    start = np.resize([2.6, 1.7], dimensions)
    return Surface(height, slope, start, np.zeros((1, dimensions)))


SURFACES: dict[str, Callable[[], Surface | Quadratic]] = {
    "bowl": bowl,
    "ravine": ravine,
    "saddle": strict_saddle,
    "high-saddle": saddle,
    "monkey-saddle": monkey_saddle,
    "plateau": plateau,
    "rosenbrock": rosenbrock,
    "beale": beale,
    "himmelblau": himmelblau,
    "rastrigin": rastrigin,
}
"""The surfaces by name, as `python -m studies try` knows them."""
