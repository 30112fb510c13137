"""The data room: a name becomes a `Dataset`, a dataset becomes blocks."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets import scikit
from datasets.columns.readings import Reading
from datasets.files.reading import tables_in
from datasets.split import Block, make_block, seed_of, sizes
from datasets.tables.making import from_arrays, from_frame, read, read_folder, read_frame
from datasets.tables.table import Table

__all__ = [
    "Block",
    "Dataset",
    "Encoder",
    "Reading",
    "Table",
    "add",
    "from_arrays",
    "from_frame",
    "load",
    "names",
    "read",
    "read_folder",
    "read_frame",
    "tables_in",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A table of n rows and F features: data fixed, only its blocks vary.

    X: (n, F) float64. y: class numbers 0 .. n_classes-1, or real targets where n_classes is 0.
    """

    name: str
    X: NDArray[np.float64]
    y: NDArray[Any]
    n_classes: int

    @property
    def task(self) -> str:
        """Either "classification" or "regression"."""
        return "classification" if self.n_classes else "regression"

    notes = ()  # there was nothing to decide

    @property
    def n_rows(self) -> int:
        """All rows."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """Features of every block."""
        return int(self.X.shape[1])

    @property
    def n_train(self) -> int:
        """Training rows of every block."""
        return sizes(len(self.X))[0]

    @property
    def n_test(self) -> int:
        """Test rows of every block."""
        return sizes(len(self.X))[2]

    @functools.cached_property
    def digest(self) -> str:
        """A sha256 of the data: what a record of a training on it is tied to."""
        parts = (self.name.encode(), np.ascontiguousarray(self.X).tobytes(), np.asarray(self.y).tobytes())
        return hashlib.sha256(b"\x1f".join(parts)).hexdigest()

    def block(self, index: int, *, seed: int = 0) -> Block:
        """Block number index (from 0): its own split, initial weights and mini-batch order."""
        return make_block(self.X, self.y, self.n_classes, seed_of(seed, self.name, index))


def __getattr__(name: str) -> Any:
    if name == "Encoder":  # only then, for scikit-learn takes a second to import
        from datasets.columns.features import Encoder

        return Encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


Data = Dataset | Table
_added: dict[str, Table] = {}


def names() -> list[str]:
    """The names that `load` knows. Those in `scikit.CACHED` need scikit-learn's cache."""
    return [*scikit.CLASSIFICATION, *scikit.REGRESSION, *scikit.CACHED, *sorted(_added)]


def add(*tables: Table) -> list[str]:
    """Make tables of yours known to `load` by their names, in this process; gives the names.

    A later table takes the place of an earlier one of its name. Raises ValueError for a built-in name.
    """
    for table in tables:
        if not isinstance(table, Table):
            raise ValueError(
                f"A {type(table).__name__} is no table.\nMake one with read, from_frame or from_arrays."
            )
        if table.name in (*scikit.CLASSIFICATION, *scikit.REGRESSION, *scikit.CACHED):
            raise ValueError(f"{table.name!r} is the name of a built-in dataset.\nRename your table.")
        _added[table.name] = table
    return [table.name for table in tables]


def added() -> list[Table]:
    """The tables that were made known here: what a worker process needs too."""
    return [_added[name] for name in sorted(_added)]


def load(name: str) -> Dataset | Table:
    """Load a dataset by name, or a table that was made known.

    Raises ValueError for a name that it does not know, and for one that is not in scikit-learn's cache,
    with the command that fetches it.
    """
    if not isinstance(name, str):
        raise ValueError(
            f"A dataset has a name, not a {type(name).__name__}.\nThere are: {', '.join(names())}."
        )
    return _added[name] if name in _added else _load(name)


@functools.lru_cache(maxsize=32)
def _load(name: str) -> Dataset:
    if name in scikit.CACHED:
        classes, fetch = scikit.CACHED[name]
        try:
            return _dataset(name, fetch(return_X_y=True, download_if_missing=False), classes)
        except OSError:
            import sklearn.datasets

            command = f'python -c "import sklearn.datasets as d; d.{fetch.__name__}()"'
            raise ValueError(
                f"{name} is not in scikit-learn's cache ({sklearn.datasets.get_data_home()}).\n"
                f"Fetch it with: {command}"
            ) from None
    if name in scikit.CLASSIFICATION:
        return _dataset(name, scikit.CLASSIFICATION[name](), True)
    if name in scikit.REGRESSION:
        return _dataset(name, scikit.REGRESSION[name](), False)
    near = difflib.get_close_matches(name, names(), 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names())}."
    raise ValueError(f"There is no dataset {name!r}.\n{hint}")


def _dataset(name: str, arrays: tuple[Any, Any], classification: bool) -> Dataset:
    X, y = arrays
    if not classification:
        return Dataset(name, np.asarray(X, np.float64), np.asarray(y, np.float64), 0)
    classes, numbers = np.unique(y, return_inverse=True)
    return Dataset(name, np.asarray(X, np.float64), numbers.astype(np.int64), len(classes))
