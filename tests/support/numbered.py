"""Small tables of which each row can be told from its block."""

import numpy as np
import pandas as pd


def numbered(n, seed=0, **more):
    """A table whose only feature tells the row: what block made it, one can read off."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"row": rng.permutation(n) + 0.5, "y": rng.normal(size=n), **more})


def classes(*counts):
    """Likewise, with so many rows of each class."""
    n = sum(counts)
    return numbered(n).assign(y=np.repeat([f"k{i}" for i in range(len(counts))], counts))
