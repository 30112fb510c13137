"""What lies between the layers of an `MLP`: each works in place on one buffer, for K trials at once.

Values are (rows, width + 1, B) with a last row of ones, which the bias of the next layer multiplies.
Every function is elementwise, so a trial's bytes depend on no neighbour.
"""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats

__all__ = ["ACTIVATIONS", "Activation"]


class Activation:
    """An activation bound to its buffer of values, with a second one for its slope."""

    def __init__(self, values: Floats) -> None:
        self.values = values
        self.slopes = np.empty_like(values)

    def forward(self) -> None:
        """Turn sums in place into activations; the row of ones stays."""
        raise NotImplementedError

    def slope(self) -> Floats:
        """The derivative at the sums of the last `forward`, of the values' shape; its last row is idle."""
        raise NotImplementedError


class ReLU(Activation):
    """max(z, 0); its slope at 0 is 0."""

    def __init__(self, values: Floats) -> None:
        self.values = values
        self.zeros = np.zeros_like(values)  # a scalar operand would be three times slower
        self.mask = np.empty(values.shape, bool)

    def forward(self) -> None:
        np.maximum(self.values, self.zeros, out=self.values)

    def slope(self) -> Floats:
        return np.greater(self.values, self.zeros, out=self.mask)


class Tanh(Activation):
    """tanh z, whose slope is 1 - tanh² z."""

    def forward(self) -> None:
        np.tanh(self.values, out=self.values)
        self.values[:, -1] = 1

    def slope(self) -> Floats:
        np.multiply(self.values, self.values, out=self.slopes)
        return np.subtract(1, self.slopes, out=self.slopes)


class Sigmoid(Activation):
    """σ(z) = 1 / (1 + e^-z), whose slope is σ·(1 - σ)."""

    def forward(self) -> None:
        np.negative(self.values, out=self.values)
        np.exp(self.values, out=self.values)  # it may overflow, and 1 / inf is right
        self.values += 1
        np.reciprocal(self.values, out=self.values)
        self.values[:, -1] = 1

    def slope(self) -> Floats:
        np.subtract(1, self.values, out=self.slopes)
        self.slopes *= self.values
        return self.slopes


class GELU(Activation):
    """z·Φ(z) in the tanh form, z/2·(1 + tanh(√(2/π)·(z + .044715·z³))).

    Hendrycks & Gimpel 2016. It differs from the exact form, PyTorch's default, by at most 5e-4: NumPy has
    no erf. PyTorch's `approximate="tanh"` and JAX's default are this one.
    """

    INNER, CUBIC, FAR = float(np.sqrt(2 / np.pi)), 0.044715, 10.0

    def __init__(self, values: Floats) -> None:
        super().__init__(values)
        self.near, self.tanh = np.empty_like(values), np.empty_like(values)

    def forward(self) -> None:
        # farther out tanh is ±1 to the last bit, and the powers of z would overflow
        z = np.clip(self.values, -self.FAR, self.FAR, out=self.near)
        t = np.multiply(z, z, out=self.tanh)
        t *= self.CUBIC
        t += 1
        t *= z
        t *= self.INNER
        np.tanh(t, out=t)
        self.values *= (t + 1) / 2
        self.values[:, -1] = 1

    def slope(self) -> Floats:
        z, t = self.near, self.tanh
        steep = 1 + 3 * self.CUBIC * z * z
        np.multiply(z, 1 - t * t, out=self.slopes)
        self.slopes *= self.INNER * steep
        self.slopes += 1 + t
        self.slopes /= 2
        return self.slopes


ACTIVATIONS: dict[str, type[Activation]] = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid, "gelu": GELU}
"""The activations by the name that `MLP` takes."""
