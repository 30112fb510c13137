"""A block: one 60/20/20 split of a dataset, scaled on its training rows, with its seed."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Block:
    """One split: features standardised on the training rows, and regression targets likewise.

    X_*: (n, F). y_*: class numbers, or standardised targets (n_classes 0). seed: of initial weights and
    mini-batch order.
    """

    X_train: Doubles
    y_train: NDArray[Any]
    X_validation: Doubles
    y_validation: NDArray[Any]
    X_test: Doubles
    y_test: NDArray[Any]
    n_classes: int
    seed: int


def seed_of(*parts: object) -> int:
    """A seed from any parts: the first 4 bytes of the sha256 of their text."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:4], "big")


def sizes(n: int) -> tuple[int, int, int]:
    """Rows for training, validation and test out of n: a fifth, rounded up, for each of the last two."""
    held = -(-n // 5)
    return n - 2 * held, held, held


def make_block(X: Doubles, y: NDArray[Any], n_classes: int, seed: int) -> Block:
    """Split n rows 60/20/20, stratified by class, and scale them by the training rows alone.

    Raises ValueError where a class is too rare for a stratified split.
    """
    from sklearn.model_selection import train_test_split  # here, for it takes a second to import
    from sklearn.preprocessing import StandardScaler

    _, n_validation, n_test = sizes(len(X))
    rng = np.random.RandomState(seed)  # what scikit-learn takes; one stream for both cuts
    if n_classes and np.bincount(y, minlength=n_classes).min() < 5:
        rare = int(np.argmin(np.bincount(y, minlength=n_classes)))
        raise ValueError(
            f"Class {rare} has {int(np.sum(y == rare))} rows, and a stratified 60/20/20 split needs 5. "
            "Merge it with another class or leave it out."
        )
    rest, test = train_test_split(
        np.arange(len(X)), test_size=n_test, random_state=rng, stratify=y if n_classes else None
    )
    training, validation = train_test_split(
        rest, test_size=n_validation, random_state=rng, stratify=y[rest] if n_classes else None
    )
    scaler = StandardScaler().fit(X[training])
    parts = [scaler.transform(X[rows]) for rows in (training, validation, test)]
    targets = [y[rows] for rows in (training, validation, test)]
    if not n_classes:
        target_scaler = StandardScaler().fit(y[training, None])
        targets = [target_scaler.transform(t[:, None])[:, 0] for t in targets]
    return Block(parts[0], targets[0], parts[1], targets[1], parts[2], targets[2], n_classes, seed)
