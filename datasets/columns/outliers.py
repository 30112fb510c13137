"""Values far from all others: which a column has, and where features are cut."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FAR = 20  # standard deviations of the training rows, beyond which a feature is cut
FEW_ROWS, FEW = 5, 0.01  # rows, or a share of them, that may lie far from the rest


class Distant(NamedTuple):
    """A value far from the rest. alone: is the rest one value?"""

    value: float
    alone: bool


def distant(values: NDArray[np.float64], far: float = FAR) -> Distant | None:
    """The value that lies beyond far standard deviations where it does not train; None if there is none."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    off = np.abs(values - np.median(values))
    at = int(np.argmax(off))
    rest = values[off <= off[at] / 2]
    if not len(rest) or len(values) - len(rest) > max(FEW_ROWS, FEW * len(values)):
        rest = values
    beyond = abs(values[at] - rest.mean()) > far * rest.std()
    return Distant(float(values[at]), bool(rest.std() == 0)) if beyond else None
