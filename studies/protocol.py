"""The fair protocol: budgets, draws, stacks of rows, winners and the pick.

A block is shared by all optimizers; each gets the same number of fresh draws in it, spread evenly over
batch sizes and decay.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import datasets
import dlopt
from dlopt import fields
from studies import own
from studies.arms import Arm
from studies.errors import UsageError, nearest, usable_name, whole_number
from studies.readings import ranked

RESULTS_VERSION = 1  # grows with every change that moves a number
CONFIRMING = 1_000_000  # confirming blocks are numbered from here, so they never become search blocks
NETWORK = ("activation", "init", "weight_decay")  # of a network, beside its widths
METRICS = ("error", "balanced-error", "loss")
MOST_WEIGHTS = 5_000_000  # of a network: a stack holds one for each of its rows, several times
MOST_TRAININGS = 1_000_000  # of a run: its tables are held in memory
KEY = ("dataset", "block", "optimizer", "kind", "draw")


@dataclasses.dataclass(frozen=True)
class Study:
    """A question: what is compared on which datasets, repeated in how many blocks with how many draws.

    optimizers: names, or `Arm`s for a search of which something is fixed. datasets: names, or tables of
    yours (`datasets.read`, `from_frame`, `from_arrays`). blocks: >= 1, each its own
    split, initial weights and mini-batch order; None for 60 with one dataset, else 20. draws: >= 2,
    settings that each arm tries in each block.
    epochs, widths: None for the budget's rule; widths () is softmax or linear regression. activation, init,
    weight_decay: of the network, as `dlopt.MLP` has them. metric: what is read on test, "error",
    "balanced-error" or "loss". seed: of everything. about: the question in words.
    Raises UsageError for an unknown name or a number out of range.
    """

    name: str
    optimizers: tuple[str | Arm, ...]
    datasets: tuple[Any, ...]  # names, once made
    blocks: int | None = None
    draws: int = 16
    epochs: int | None = None
    seed: int = 0
    widths: tuple[int, ...] | None = None
    activation: str = "relu"
    init: str = "he"
    weight_decay: float = 0.0
    metric: str = "error"
    claims: bool = dataclasses.field(default=False, compare=False)  # are the chapter's claims asked too?
    about: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        usable_name("A study's name", self.name)
        if isinstance(self.datasets, list | tuple):
            object.__setattr__(self, "datasets", tuple(map(_named, self.datasets)))
        for kind, types in (("optimizers", (str, Arm)), ("datasets", (str,))):
            given = getattr(self, kind)
            if isinstance(given, str) or not all(isinstance(one, types) for one in given):
                raise UsageError(f"{kind} = {given!r} is no list of names.", 'Write for example ("wine",).')
            object.__setattr__(self, kind, tuple(dict.fromkeys(given)))
        names = [arm.name for arm in self.arms]
        known = {"optimizers": list(dlopt.OPTIMIZERS), "datasets": datasets.names()}
        for kind in known:
            if not getattr(self, kind):
                raise UsageError(f"The list of {kind} is empty.", f"Choose from: {', '.join(known[kind])}.")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"Two arms are named {twice!r}.", "Give each arm a name of its own.")
        for name in self.datasets:
            if name not in known["datasets"]:
                raise UsageError(f"There is no dataset {name!r}.", nearest(name, known["datasets"]))
            try:
                data = datasets.load(name)
            except ValueError as error:
                raise UsageError(*str(error).split("\n", 1)) from None
            if self.metric == "balanced-error" and not data.n_classes:
                raise UsageError(
                    f"balanced-error is a metric for classes, and {name} is a regression.",
                    "Leave that dataset out, or choose --metric error or loss.",
                )
        in_order = tuple(sorted(self.datasets, key=known["datasets"].index))
        object.__setattr__(self, "datasets", in_order)
        if self.metric not in METRICS:
            raise UsageError(f"There is no metric {self.metric!r}.", nearest(str(self.metric), METRICS))
        whole_number("draws (--trials)", self.draws, 2, 4096)
        whole_number("seed", self.seed, 0, 2**63 - 1)
        for word, value in (("blocks", self.blocks), ("epochs", self.epochs)):
            if value is not None:
                whole_number(word, value, 1, 100_000)
        for width in self.widths or ():
            whole_number("a hidden layer's width", width, 1, 2**16)
        try:
            self.network(self.widths or ())
        except ValueError as error:
            raise UsageError(*str(error).split("\n", 1)) from None
        self._check_size()

    def _check_size(self) -> None:
        for name in self.datasets:
            count = weights(datasets.load(name), self.widths or ())
            if count > MOST_WEIGHTS:
                raise UsageError(
                    f"Hidden layers of {', '.join(map(str, self.widths or ()))} give {count:,} weights on "
                    f"{name}, and at most {MOST_WEIGHTS:,} can train here.",
                    "Give fewer or narrower layers.",
                )
        searches = len(self.arms) * len(self.datasets) * (self.blocks or self._usual_blocks)
        if searches * (self.draws + 1) > MOST_TRAININGS:
            raise UsageError(
                f"This study has {searches * (self.draws + 1):,} trainings, "
                f"and a run holds at most {MOST_TRAININGS:,}.",
                "Ask for fewer blocks, trials, datasets or optimizers.",
            )

    def network(self, widths: tuple[int, ...]) -> dlopt.MLP:
        """The network with these hidden layers."""
        how = {name: getattr(self, name) for name in NETWORK}
        return dlopt.MLP(*widths, **how)

    @property
    def _usual_blocks(self) -> int:
        return 60 if len(self.datasets) == 1 else 20

    @property
    def arms(self) -> tuple[Arm, ...]:
        """What is compared, in the house's own order."""
        arms = (one if isinstance(one, Arm) else Arm(one) for one in self.optimizers)
        return tuple(sorted(arms, key=lambda arm: arm.order))

    @property
    def dependent(self) -> bool:
        """Do some draws depend on each other? Then the reading is the winner of all, for every arm."""
        return any(arm.sampler != "random" for arm in self.arms)

    def settled(self, blocks: int | None = None) -> Study:
        """With its number of blocks: its own, else those of a folder, else 60 for one dataset and 20."""
        return dataclasses.replace(self, blocks=self.blocks or blocks or self._usual_blocks)


USUAL = {field.name: field.default for field in dataclasses.fields(Study)}


def _named(one: Any) -> Any:
    """A table of yours becomes known by its name."""
    if not isinstance(one, datasets.Table):
        return one
    try:
        return datasets.add(one)[0]
    except ValueError as error:
        raise UsageError(*str(error).split("\n", 1)) from None


class Budget(NamedTuple):
    """What every training on a dataset gets."""

    epochs: int
    batch_sizes: tuple[int, ...]
    model: dlopt.MLP


def budget(dataset: datasets.Data, study: Study | None = None) -> Budget:
    """The rule: about 40,000 examples, at least 10 and at most 200 epochs, the same for every optimizer.

    Batch sizes are the powers of two from 64 to 512 below the training rows, the full batch where there
    is none; the network has one hidden layer, 64 wide from 64 features on, else 32. A study may fix its
    epochs and its network.
    """
    n = dataset.n_train
    epochs = (study and study.epochs) or min(max(math.ceil(40_000 / n), 10), 200)
    batch_sizes = tuple(size for size in (64, 128, 256, 512) if size < n) or (n,)
    widths = (64 if dataset.n_features >= 64 else 32,)
    if study is None:
        return Budget(epochs, batch_sizes, dlopt.MLP(*widths))
    return Budget(epochs, batch_sizes, study.network(widths if study.widths is None else study.widths))


class Row(NamedTuple):
    """One training that is wanted. optimizer: its arm; settings: hyperparameters, the schedule's too."""

    dataset: str
    block: int
    optimizer: str
    kind: str  # "search", "untuned" or "confirm"
    draw: int
    batch_size: int
    decay: str
    settings: tuple[tuple[str, float], ...]
    uses: str  # by which a worker finds its class

    @property
    def key(self) -> tuple[str, int, str, str, int]:
        """What identifies it within a run."""
        return self[:5]

    def make(self) -> dlopt.Optimizer:
        """The optimizer that trains it."""
        settings: dict[str, Any] = dict(self.settings)
        if self.decay != "none":
            schedule = dlopt.SCHEDULES[self.decay]
            chosen = {name: settings.pop(name) for name in fields.declared(schedule)}
            settings["schedule"] = schedule(**chosen)
        made: dlopt.Optimizer = own.find(self.uses)(**settings)
        return made


def wanted_keys(study: Study) -> list[tuple[str, int, str, str, int]]:
    """The keys of all rows of a study: each search, and each untuned row."""
    return [
        (dataset, block, optimizer, kind, draw)
        for dataset in study.datasets
        for block in range(study.settled().blocks or 0)
        for optimizer in (arm.name for arm in study.arms)
        for kind, draw in [*(("search", draw) for draw in range(study.draws)), ("untuned", 0)]
    ]


def weights(dataset: datasets.Data, widths: tuple[int, ...]) -> int:
    """How many weights a network with these hidden layers has, without its biases."""
    sizes = (dataset.n_features, *widths, max(dataset.n_classes, 1))
    return sum(a * b for a, b in itertools.pairwise(sizes))


def winners(rows: pd.DataFrame) -> pd.DataFrame:
    """The row with the lowest best validation loss of every search, ties by draw number."""
    best_first = ranked(rows[rows.kind == "search"])
    return best_first.drop_duplicates(["dataset", "block", "optimizer"]).sort_values(list(KEY))


def confirming_blocks(study: Study) -> range:
    """The fresh blocks in which picks are confirmed."""
    return range(CONFIRMING, CONFIRMING + max(20, study.settled().blocks or 0))


class Pick(NamedTuple):
    """One setting for a dataset, made of the winners of its best optimizer."""

    dataset: str
    arm: Arm
    batch_size: int
    decay: str
    settings: dict[str, float]
    quartiles: dict[str, tuple[float, float]]
    winners: int

    def rows(self, blocks: Iterable[int]) -> Iterator[Row]:
        """Its trainings in the fresh blocks that confirm it."""
        for block in blocks:
            settings = tuple(self.settings.items())
            key = (self.dataset, block, self.arm.name, "confirm", 0)
            yield Row(*key, self.batch_size, self.decay, settings, self.arm.uses)


def pick(dataset: str, arm: Arm | str, won: pd.DataFrame) -> Pick:
    """The setting that the winners of one arm on one dataset point to.

    Batch size: the most frequent, the smaller on a tie. Decay: the kind that more than half of the
    winners at that size have, else none. The rest: medians on the log scale of the winners at that size.
    """
    arm = Arm(arm) if isinstance(arm, str) else arm
    counts = won.batch_size.value_counts()
    batch_size = int(counts[counts == counts.max()].index.min())
    won = won[won.batch_size == batch_size]
    kinds = won.decay.value_counts()
    decay = str(kinds.index[0]) if kinds.iloc[0] > len(won) / 2 else "none"
    settings: dict[str, float] = {}
    quartiles: dict[str, tuple[float, float]] = {}
    decayed = won[won.decay == decay]
    declared = [(won, name, field) for name, field in fields.declared(arm.kind).items()]
    if decay != "none":
        schedule = dlopt.SCHEDULES[decay]
        declared += [(decayed, name, field) for name, field in fields.declared(schedule).items()]
    for rows, name, field in declared:
        values = np.array([json.loads(text)[name] for text in rows.settings])
        if name not in arm.ranges(decay):
            settings[name] = float(values[0])
            continue
        logs = np.log(1 - values if field.complement else values)
        low, middle, high = np.quantile(logs, (0.25, 0.5, 0.75))
        settings[name] = field.from_trial(float(np.exp(middle)))
        ends = [field.from_trial(float(np.exp(end))) for end in (low, high)]
        quartiles[name] = (min(ends), max(ends))
    return Pick(dataset, arm, batch_size, decay, settings, quartiles, len(won))
