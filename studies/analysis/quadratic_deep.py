"""DeepOBS's quadratic_deep: what was published beside ours, and what unshuffled batches do to it.

Nothing here depends on a run, so it is computed once and committed: python -m studies.analysis.quadratic_deep
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import dlopt
from dlopt.grid import geometric
from dlopt.landscapes import Quadratic, descend, quadratic_deep
from studies.folder.committed_tables import file

PUBLISHED = {  # test loss after 100 epochs (Schneider, Balles & Hennig 2019)
    ("SGD", 1e-5): 236.093,
    ("SGD", 1e-4): 106.628,
    ("HeavyBall", 1e-5): 96.755,
    ("Adam", 1e-5): 345.211,
    ("Adam", 1e-4): 280.310,
}
STEPS, BATCH, ORDERS = 700, 128, 5  # their 100 epochs of 7 batches; as many orders, for what chance does
WHOLE = 7 * BATCH  # samples of 7 batches: their last one is dropped
RATES = geometric(1e-6, 1, 37)


def quadratic_table() -> pd.DataFrame:
    """Test loss at the end by optimizer and learning rate, with batches reshuffled and in one order.

    The median over orders of the samples, least and most; one order that is never shuffled has no other.
    """
    train, test = quadratic_deep()
    kinds = [
        dlopt.OPTIMIZERS[name](lr=RATES, **fixed)
        for name, fixed in (("sgd", {}), ("heavyball", {"beta": 0.99}), ("adam", {}))
    ]
    lines = []
    kept = Quadratic(train.hessian, train.start, np.asarray(train.samples)[:WHOLE])
    for order, landscape, shuffle in (("reshuffled", train, True), ("one order", kept, False)):
        seeds = range(ORDERS if shuffle else 1)
        walks = [
            descend(landscape, kinds, steps=STEPS, batch_size=BATCH, shuffle=shuffle, seed=s) for s in seeds
        ]
        with np.errstate(all="ignore"):
            ends = np.sort([test.value(walk.params[-1]) for walk in walks], axis=0)
        ends = np.where(np.isfinite(ends), ends, np.inf)
        for i, kind in enumerate(kinds):
            name = type(kind).__name__
            for j, lr in enumerate(RATES):
                losses = ends[:, i * len(RATES) + j]
                known = PUBLISHED.get((name, lr), np.nan)
                ended = (losses[len(losses) // 2], losses[0], losses[-1], len(losses))
                lines.append((name, order, lr, *ended, known))
    return pd.DataFrame(
        lines, columns=["subject", "order", "lr", "loss", "low", "high", "orders", "published"]
    )


if __name__ == "__main__":
    quadratic_table().to_csv(file("quadratic_deep"), index=False)
