"""A study: what is compared on which datasets, in how many blocks with how many draws."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

import datasets
import dlopt
from dlopt.training import ENGINES
from studies.errors import (
    UsageError,
    choice,
    nearest,
    number,
    reworded,
    sequence,
    shown,
    text,
    usable_name,
    whole_number,
    whole_numbers,
)
from studies.folder.schema.notes import METRICS, NETWORK
from studies.question.arm import Arm

TAKEN = ("pooled", "all")  # names that tables have for all datasets
MOST_TRAININGS = 1_000_000  # of a run: its tables are held in memory


@dataclasses.dataclass(frozen=True)
class Study:
    """A question: what is compared on which datasets, repeated in how many blocks with how many draws.

    optimizers: names, or `Arm`s for a search of which something is fixed. datasets: names, or tables of
    yours (`datasets.read`, `from_frame`, `from_arrays`). blocks: >= 1, each its own
    split, initial weights and mini-batch order; None for 60 with one dataset, else 20. draws: >= 2,
    settings that each arm tries in each block. fresh: >= 2, further blocks in which each dataset's pick is
    chosen, and again at least so many in which it is confirmed.
    epochs, widths: None for the budget's rule; widths () is softmax or linear regression, and 64 is (64,).
    activation, init, weight_decay: of the network, as `dlopt.MLP` has them. metric: what is read on test,
    "error", "balanced-error" or "loss". seed: of everything. engine: as `dlopt.train` has it; "auto" is the
    run folder's where there is one. against: names of arms whose comparisons with all others are a family of
    tests of their own, as those of optimizers of yours are (whole ones, not those without a part). about: the
    question in words.
    Numbers may be NumPy's. Raises UsageError for an unknown name, a value of another type or out of range.
    """

    name: str
    optimizers: tuple[str | Arm, ...]
    datasets: tuple[Any, ...]  # names, once made
    blocks: int | None = None
    draws: int = 16
    fresh: int = 20
    epochs: int | None = None
    seed: int = 0
    widths: tuple[int, ...] | None = None
    activation: str = "relu"
    init: str = "he"
    weight_decay: float = 0.0
    metric: str = "error"
    engine: str = "auto"
    against: tuple[str, ...] = ()
    claims: bool = dataclasses.field(default=False, compare=False)  # are the chapter's claims asked too?
    about: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        self._settle("name", usable_name("A study's name", self.name))
        known = {"optimizers": list(dlopt.OPTIMIZERS), "datasets": datasets.names()}
        for kind, types, example in (
            ("optimizers", str | Arm, '("sgd", "adam")'),
            ("datasets", str | datasets.Table, '("wine",)'),
        ):
            given = sequence(kind, getattr(self, kind), "names", example)
            if not all(isinstance(one, types) for one in given):
                raise UsageError(
                    f"{kind} = {shown(given)} is no list of names.", f"Write for example {example}."
                )
            if not given:
                raise UsageError(f"The list of {kind} is empty.", f"Choose from: {', '.join(known[kind])}.")
            self._settle(kind, tuple(dict.fromkeys(map(_named, given))))
        self._settle("metric", choice("metric", self.metric, METRICS))
        self._settle("engine", choice("engine", self.engine, ENGINES))
        names = [arm.name for arm in self.arms if arm.name]  # one that is not found yet may have none
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"Two arms are named {twice!r}.", "Give each arm a name of its own.")
        self._settle("against", sequence("against", self.against, "names", '("adam",)'))
        for name in self.against:
            if name not in names:
                raise UsageError(f"This study has no optimizer {shown(name)}.", nearest(str(name), names))
        self._check_datasets()
        for word, low, high in (("draws", 2, 4096), ("fresh", 2, 100_000), ("seed", 0, 2**63 - 1)):
            called = "draws (--trials)" if word == "draws" else word
            self._settle(word, whole_number(called, getattr(self, word), low, high))
        for word in ("blocks", "epochs"):
            if getattr(self, word) is not None:
                self._settle(word, whole_number(word, getattr(self, word), 1, 100_000))
        if self.widths is not None:
            widths = whole_numbers("widths", "a hidden layer's width", self.widths, 1, 2**16)
            self._settle("widths", widths)
        self._settle("weight_decay", number("weight_decay", self.weight_decay))
        try:
            self.network(self.widths or ())
        except (TypeError, ValueError) as error:
            raise reworded(error) from None
        self._settle("about", text("about", self.about, "Which rate is best?"))
        if not isinstance(self.claims, int | np.bool_):
            raise UsageError(f"claims must be True or False, not {shown(self.claims)}.", "Leave it out.")
        self._settle("claims", bool(self.claims))
        self._check_size()

    def _settle(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_datasets(self) -> None:
        known = datasets.names()
        for name in self.datasets:
            if name not in known:
                raise UsageError(f"There is no dataset {name!r}.", nearest(name, known))
            if name in TAKEN:
                raise UsageError(
                    f"A dataset cannot be named {name!r}, which stands for all of them together.",
                    "Give its table another name.",
                )
        self._settle("datasets", tuple(sorted(self.datasets, key=known.index)))

    def _check_size(self) -> None:
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

    @functools.cached_property
    def arms(self) -> tuple[Arm, ...]:
        """What is compared, in the house's own order."""
        arms = (one if isinstance(one, Arm) else Arm(one) for one in self.optimizers)
        return tuple(sorted(arms, key=lambda arm: arm.order))

    def found(self) -> Study:
        """With the classes of all optimizers found and checked: see `Arm.found`."""
        arms = tuple(arm.found() for arm in self.arms)
        return self if arms == self.arms else dataclasses.replace(self, optimizers=arms)

    @property
    def challengers(self) -> tuple[str, ...]:
        """Arms whose comparisons with the others are a family of their own: those of yours, or as asked."""
        own = [arm for arm in self.arms if arm.file]
        whole = (a.name for a in own if not any(a.file == b.file and b.parts < a.parts for b in own))
        return tuple(dict.fromkeys([*whole, *self.against]))

    @property
    def dependent(self) -> bool:
        """Do some draws depend on each other? Then the reading is the winner of all, for every arm."""
        return any(arm.sampler != "random" for arm in self.arms)

    def settled(self, blocks: int | None = None) -> Study:
        """With its number of blocks: its own, else those of a folder, else 60 for one dataset and 20."""
        return dataclasses.replace(self, blocks=self.blocks or blocks or self._usual_blocks)


USUAL = {field.name: field.default for field in dataclasses.fields(Study)}


def _named(one: Any) -> Any:
    """A table of yours becomes known by its name; a word is Python's own."""
    if not isinstance(one, datasets.Table):
        return str(one) if isinstance(one, str) else one
    try:
        return datasets.add(one)[0]
    except ValueError as error:
        raise reworded(error) from None
