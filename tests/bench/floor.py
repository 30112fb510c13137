"""The floor: the bare matrix products of the work, in NumPy, and nothing else."""

from __future__ import annotations

import itertools

import numpy as np

from tests.bench.work import Work

CHUNK = 256  # rows of validation at once, as ours


class Products:
    """Forward, both backward products of each layer, and the forward products of each record."""

    library, mixed = "NumPy", False

    def __init__(self, work: Work, rows: int = 32) -> None:
        self.work, self.rows, self.name = work, rows, "bare products"
        sizes = work.shape.sizes
        rng = np.random.default_rng(0)

        def some(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(np.float32)

        self.weights = [some(rows, o, i + 1) for i, o in itertools.pairwise(sizes)]
        self.back = [w[:, :, :-1].transpose(0, 2, 1) for w in self.weights]
        self.grads = [np.empty_like(w) for w in self.weights]
        full, left = divmod(work.n_train, work.batch)
        self.widths = [work.batch] * full + [left] * (left > 0)
        held = len(work.data["y_validation"])
        self.chunks = [CHUNK] * (held // CHUNK) + [held % CHUNK] * (held % CHUNK > 0)
        self.records = len(work.records)
        self.spaces = {}
        for width in {*self.widths, *self.chunks}:
            active = [some(rows, size + 1, width) for size in sizes[1:-1]]
            self.spaces[width] = {
                "X": some(sizes[0] + 1, width),
                "rows": some(width, sizes[0] + 1),
                "active": active,
                "outputs": np.empty((rows, sizes[-1], width), np.float32),
                "deltas": [np.empty((rows, size, width), np.float32) for size in sizes[1:-1]],
            }

    def forward(self, space: dict) -> None:
        """The products of one pass."""
        inputs = space["X"]
        for weights, active in zip(self.weights, space["active"], strict=False):
            np.matmul(weights, inputs, out=active[:, :-1])
            inputs = active
        np.matmul(self.weights[-1], inputs, out=space["outputs"])

    def step(self, space: dict) -> None:
        """The products of one step."""
        self.forward(space)
        delta = space["outputs"]
        for i in range(len(self.weights) - 1, 0, -1):
            np.matmul(delta, space["active"][i - 1].transpose(0, 2, 1), out=self.grads[i])
            if delta.shape[1] == 1:
                np.multiply(self.back[i], delta, out=space["deltas"][i - 1])
            else:
                np.matmul(self.back[i], delta, out=space["deltas"][i - 1])
            delta = space["deltas"][i - 1]
        np.matmul(delta, space["rows"], out=self.grads[0])

    def run(self) -> None:
        """Their time; there is no outcome to check."""
        with np.errstate(all="ignore"):
            for _ in range(self.work.epochs):
                for width in self.widths:
                    self.step(self.spaces[width])
            for _ in range(self.records):
                for width in self.chunks:
                    self.forward(self.spaces[width])
