"""How often a call comes again: what a repetition of the run on fresh blocks is expected to call."""

from __future__ import annotations

import numpy as np
from scipy import stats

from studies.analysis.statistics import Doubles


def again(p: Doubles, level: float) -> Doubles:
    """Of repetitions with fresh blocks: the share that reaches the level the same way, for each test.

    p: (tests,), two-sided, of one family. A call that was seen among many owes some of its size to luck, so
    what was seen is drawn towards 0 by as much as the whole family says: each test's z is taken as normal
    about a true one with variance 1, and the true ones as normal about 0 (Efron & Morris 1975).
    """
    z = stats.norm.isf(np.maximum(p, np.finfo(float).tiny) / 2)
    spread = max(float(np.mean(z**2)) - 1, 0.0)  # the variance of the true ones
    kept = spread / (1 + spread)
    share: Doubles = stats.norm.sf((stats.norm.isf(level / 2) - kept * z) / np.sqrt(1 + kept))
    return share
