"""Your table: a file, a frame or arrays as a dataset whose blocks are made like those of any other."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datasets.columns.readings import Reading
from datasets.columns.resting import SAMPLE, Column, n_features
from datasets.columns.understanding import Source
from datasets.sentences import listed
from datasets.split import Block, seed_of
from datasets.tables.splits import WINDOW, AtRandom, ByGroup, ByTime, Rows, Splits

if TYPE_CHECKING:
    from datasets.columns.features import Encoder

MOST_CELLS = 50_000_000  # rows × features of a block: 400 MB
TRIES = 1_000  # splits drawn until every class is among the training rows


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table of n rows; its blocks split, encode and scale it. Used like `datasets.Dataset`.

    columns: inputs at rest. y: class numbers 0 .. n_classes-1, or real targets where n_classes is 0.
    classes: their names. groups: the number of each row's group; rows of a group stay in one part. moments:
    the number of each row's time, where rows are in order of time: no training row is as late as a validation
    row, nor that as late as a test row. origin: which row of the frame each row is, from 0. sources: how its
    columns become those at rest. readings: one for each of its columns. doubts: sentences that begin "Look
    out". notes: a sentence for everything that was decided, doubts among them.
    """

    name: str
    columns: tuple[Column, ...]
    y: NDArray[Any]
    classes: tuple[str, ...] = ()
    groups: NDArray[np.intp] | None = None
    moments: NDArray[np.intp] | None = None
    origin: NDArray[np.intp] | None = None
    sources: tuple[Source, ...] = ()
    readings: tuple[Reading, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """How many classes there are; 0 in regression."""
        return len(self.classes)

    @property
    def task(self) -> str:
        """Either "classification" or "regression"."""
        return "classification" if self.n_classes else "regression"

    @property
    def shares(self) -> tuple[tuple[str, int], ...]:
        """Each class with its rows; () in regression."""
        counts = np.bincount(self.y, minlength=self.n_classes).tolist() if self.n_classes else []
        return tuple(zip(self.classes, counts, strict=True))

    @property
    def timed(self) -> bool:
        """Are rows in order of time?"""
        return self.moments is not None

    @property
    def n_rows(self) -> int:
        """All rows with a target."""
        return len(self.y)

    @functools.cached_property
    def n_features(self) -> int:
        """Features of every block, after encoding."""
        return n_features(self.columns)

    @property
    def n_block(self) -> int:
        """Rows that a block takes, of which groups and equal times may leave some out."""
        rows = math.ceil(WINDOW * self.n_rows) if self.timed else self.n_rows
        return min(rows, SAMPLE, MOST_CELLS // self.n_features)

    @functools.cached_property
    def splits(self) -> Splits:
        """How rows are split: at random, by groups or by time."""
        if self.groups is not None:
            return ByGroup(self.groups, self.n_block, self.name)
        if self.moments is not None:
            return ByTime(self.moments, self.n_block, self.name)
        return AtRandom(self.n_rows, self.n_block, self.y if self.n_classes else None)

    @property
    def n_train(self) -> int:
        """Training rows of every block."""
        return self.splits.n_train

    @property
    def n_test(self) -> int:
        """Test rows of every block."""
        return self.splits.n_test

    @functools.cached_property
    def digest(self) -> str:
        """A sha256 of the data: what a record of a training on it is tied to; of no path and no name."""
        found = hashlib.sha256(repr((self.classes, self.timed)).encode())
        for column in self.columns:
            found.update(repr((column._replace(values=np.empty(0)), column.values.dtype)).encode())
            found.update(np.ascontiguousarray(column.values).data)
        for array in (self.y, self.groups, self.moments):
            if array is not None:
                found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def block(self, index: int, *, seed: int = 0) -> Block:
        """Block number index (from 0): its own rows and split, initial weights and mini-batch order.

        Encoder and scales are fitted on its training rows alone.
        """
        from sklearn.preprocessing import StandardScaler  # here, for it takes a second to import

        from datasets.columns.features import encoder

        own = seed_of(seed, self.name, index)
        parts = self.rows(own)
        found = [np.column_stack([c.values[rows] for c in self.columns]).astype(np.float64) for rows in parts]
        fitted = encoder(self.columns).fit(found[0])
        X = [np.asarray(fitted.transform(part), np.float64) for part in found]
        y = [self.y[rows] for rows in parts]
        if not self.n_classes:
            scaler = StandardScaler().fit(y[0][:, None])
            y = [scaler.transform(part[:, None])[:, 0] for part in y]
        return Block(X[0], y[0], X[1], y[1], X[2], y[2], self.n_classes, own)

    def transformer(self) -> Encoder:
        """A scikit-learn transformer from a raw frame, as pandas.read_csv gives it, to a block's features.

        Not fitted: fit it on the raw rows of a block's training rows (`origin[rows(seed)[0]]`), and it gives
        the block's features, (n, n_features), of any raw rows. It pickles with this suite at hand.
        """
        from datasets.columns.features import Encoder

        return Encoder(self.sources, tuple(c._replace(values=c.values[:0]) for c in self.columns))

    def rows(self, seed: int) -> Rows:
        """The training, validation and test rows of a block's seed: row numbers, no row twice."""
        rng = np.random.RandomState(seed)  # what scikit-learn takes; one stream for all that is drawn
        for _ in range(TRIES):
            if self.fits(found := self.draw(rng)):
                return found
        raise ValueError(self.unbalanced())

    def fits(self, rows: Rows) -> bool:
        """Is every class among the training rows?"""
        return not self.n_classes or len(np.unique(self.y[rows[0]])) == self.n_classes

    def draw(self, rng: np.random.RandomState) -> Rows:
        """One random split: by groups, by time, or stratified by class."""
        return self.splits.draw(rng)

    def unbalanced(self) -> str:
        """Which classes splits leave without training rows."""
        how, rng = "time" if self.timed else "group", np.random.RandomState(0)
        trained = [set(self.y[self.draw(rng)[0]]) for _ in range(20)]
        lacking = [repr(c) for i, c in enumerate(self.classes) if not all(i in found for found in trained)]
        return (
            f"Split by {how}, {self.name} mostly has no training row of a class: {listed(lacking)}.\n"
            f"Merge it with another class, or leave {how} out."
        )
