"""What decides, fixed beforehand: levels, margins, the words of calls and of claims' verdicts.

The page reads them here too, so that no sentence has a number of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from studies.analysis.statistics import smallest_p

LEVEL = 0.05  # of false alarms, which Holm holds over a family
AS_FAST = 1.1  # times the examples: less is too little to matter
MARGINS = {  # of equivalence, by task; shares of test rows, training standard deviations, logarithms
    "classification": 0.01,
    "regression": 0.02,
    "loss": np.nan,
    "ratio": float(np.log(AS_FAST)),
}
SMALL = 2.0  # % of a dataset's median error: less is too little to matter
STABLE = 0.8  # of drawings of the blocks: a place that comes again as often is named in a first sentence
FLOOR = 1e-7  # losses enter logarithms as at least this

HOLDS = "holds"
PARTLY = "holds in part"
FAILS = "does not hold here"
OPEN = "undecided"
NOT_RUN = "not run"


def weighed(good: Iterable[bool], bad: Iterable[bool]) -> str:
    """The verdict over several comparisons, each shown to be as claimed, shown not to be, or neither.

    Holds: all are as claimed. In part: some are and some are not. Fails: some are not, and none is.
    Undecided: all else.
    """
    yes, no = list(good), list(bad)
    if all(yes):
        return HOLDS
    return (PARTLY if any(yes) else FAILS) if any(no) else OPEN


def blocks_needed(tests: int, together: int = 1) -> int:
    """The fewest blocks of a dataset with which a family of tests can call anything.

    together: datasets whose blocks one test takes together.
    """
    return next(n for n in itertools.count(1) if smallest_p(n * together) * tests <= LEVEL)
