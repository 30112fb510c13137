"""How the rows of a block are chosen and split 60/20/20: at random, by groups, or by time.

Every way has the same sizes for every block: n_train and n_test, with as many validation rows as test rows.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.split import sizes

WINDOW = 0.8  # of the rows in order of time, in each block
TRAINED = 0.4  # share of the rows that groups must leave for training
USUAL, LEAST = (
    0.8,
    0.5,
)  # a window may have parts so much smaller than the best one's, than a window without ties
Rows = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


@dataclasses.dataclass(frozen=True, eq=False)
class AtRandom:
    """Rows at random, stratified by strata, (n,) class numbers, unless that is None."""

    n_rows: int
    n_block: int
    strata: NDArray[Any] | None

    @property
    def n_train(self) -> int:
        """Training rows."""
        return sizes(self.n_block)[0]

    @property
    def n_test(self) -> int:
        """Test rows."""
        return sizes(self.n_block)[2]

    def draw(self, rng: np.random.RandomState) -> Rows:
        """One random split."""
        from sklearn.model_selection import train_test_split  # here, for it takes a second to import

        n_test = self.n_test
        rest, test = train_test_split(
            np.arange(self.n_rows),
            test_size=n_test,
            train_size=self.n_block - n_test,
            random_state=rng,
            stratify=self.strata,
        )
        strata = None if self.strata is None else self.strata[rest]
        train, validation = train_test_split(rest, test_size=n_test, random_state=rng, stratify=strata)
        return train, validation, test


@dataclasses.dataclass(frozen=True, eq=False)
class ByGroup:
    """Rows of a group in one part. groups: (n,), the number of each row's group. name: the table's."""

    groups: NDArray[np.intp]
    n_block: int
    name: str

    @property
    def n_train(self) -> int:
        """Training rows."""
        return self._grouping[1]

    @property
    def n_test(self) -> int:
        """Test rows."""
        return sizes(self.n_block)[2]

    @property
    def held(self) -> NDArray[np.intp]:
        """The groups that may be held out of training."""
        return self._grouping[0]

    def draw(self, rng: np.random.RandomState) -> Rows:
        """Groups in random order fill test, then validation, to a fifth of all rows; the rest trains."""
        n_train, order = self.n_train, rng.permutation(self.held)
        filled, fifth = np.cumsum(np.bincount(self.groups)[order]), sizes(len(self.groups))[2]
        first = int(np.searchsorted(filled, fifth)) + 1
        second = int(np.searchsorted(filled, filled[first - 1] + fifth)) + 1
        part = np.zeros(self.groups.max() + 1, int)
        part[order[:first]], part[order[first:second]] = 2, 1
        train, validation, test = (
            rng.permutation(np.flatnonzero(part[self.groups] == number))[:size]
            for number, size in enumerate((n_train, *sizes(self.n_block)[1:]))
        )
        return train, validation, test

    @functools.cached_property
    def _grouping(self) -> tuple[NDArray[np.intp], int]:
        """The groups that may be held out, and the training rows that are left whatever their order.

        Filling a part stops at the first group that brings it to a fifth: it holds at most that group more
        than the largest sum below a fifth, and all sums are multiples of the sizes' common divisor. The
        largest groups always train where otherwise fewer than 40 % of the rows might.
        """
        n = len(self.groups)
        counts, fifth = np.bincount(self.groups), sizes(n)[2]
        held = np.argsort(counts, kind="stable")
        while len(held) and counts[held].sum() >= 2 * fifth:  # or no two parts can be filled
            step, largest = int(np.gcd.reduce(counts[held])), int(counts[held[-1]])
            most = (fifth - 1) // step * step + largest
            left = n - 2 * most
            if left >= TRAINED * n and counts[held].sum() >= most + fifth:
                return np.sort(held), min(left, sizes(self.n_block)[0])
            held = held[:-1]
        raise ValueError(
            f"The groups of {self.name} are too few or too large ({len(counts):,} groups, the largest with "
            f"{counts.max():,} of {n:,} rows) to hold two fifths of the rows out.\n"
            "Choose a finer group, or leave group out."
        )


@dataclasses.dataclass(frozen=True, eq=False)
class ByTime:
    """A window of rows in order of time, equal times in one part. moments: (n,), numbers of times."""

    moments: NDArray[np.intp]
    n_block: int
    name: str

    @property
    def n_train(self) -> int:
        """Training rows."""
        return self._windows[1]

    @property
    def n_test(self) -> int:
        """Test rows."""
        return self._windows[2]

    def draw(self, rng: np.random.RandomState) -> Rows:
        """A window with a random start, and as many rows of each of its parts as all windows have."""
        windows, n_train, n_test = self._windows
        start, first, second, end = windows[rng.randint(len(windows))]
        train, validation, test = (
            np.sort(rng.choice(np.arange(low, high), size, replace=False))
            for low, high, size in ((start, first, n_train), (first, second, n_test), (second, end, n_test))
        )
        return train, validation, test

    @functools.cached_property
    def _windows(self) -> tuple[NDArray[np.intp], int, int]:
        """The borders of each window, between different times, and the rows of their parts.

        Where many times are equal, windows whose parts would become much smaller than others' are left out.
        """
        n = len(self.moments)
        length = math.ceil(WINDOW * n)
        n_train, n_test, _ = sizes(length)
        start = np.arange(n - length + 1)
        first, second = self._border(start + n_train), self._border(start + n_train + n_test)
        found = np.column_stack([start, first, second, start + length])
        parts = np.diff(found, axis=1)
        share = (parts / np.array([n_train, n_test, n_test])).min(axis=1)
        if share.max() < LEAST:
            raise ValueError(
                f"{self.name} has too many rows of one time to be split between times "
                f"({self.moments[-1] + 1:,} times in {n:,} rows).\n"
                f"Name a finer time, or split by it as groups with --group."
            )
        good = share >= USUAL * share.max()
        block = sizes(self.n_block)
        least = parts[good].min(axis=0)
        return found[good], int(min(block[0], least[0])), int(min(block[2], *least[1:]))

    def _border(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The row nearest to each that is the first of its time."""
        before = np.searchsorted(self.moments, self.moments[rows], "left")
        after = np.searchsorted(self.moments, self.moments[rows], "right")
        return np.where(rows - before <= after - rows, before, after)


Splits = AtRandom | ByGroup | ByTime
