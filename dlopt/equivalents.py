"""How other libraries spell what stands here, so that a setting can be taken there."""

from __future__ import annotations

from typing import NamedTuple

SUMS = "{} sums gradients where dlopt averages them: at lr·(1-β) the path is the same."


class Equivalent(NamedTuple):
    """An optimizer in a library's words.

    call: of torch.optim, of optax, or the solver's arguments of scikit-learn's networks; a format string
    with the hyperparameters' names here. differs: where the library's variant is another, in a sentence.
    """

    call: str
    differs: str = ""
