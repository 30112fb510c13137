"""What is compared: an arm is an optimizer with whatever is fixed about its search."""

from __future__ import annotations

import dataclasses
from typing import Any

import dlopt
from dlopt import hyperparameters
from studies.errors import (
    UsageError,
    by_name,
    choice,
    nearest,
    number,
    reworded,
    sequence,
    shown,
    text,
    usable_name,
    whole_numbers,
)
from studies.folder.schema.notes import ArmSpec
from studies.question import user_optimizer

MIXED = "mixed"  # half of the draws without decay, half with the exponential one
SAMPLERS = ("random", "qmc", "tpe", "gp")
FULL = 0  # as a batch size: all training rows
LARGEST = 2**20  # batch size


@dataclasses.dataclass(frozen=True)
class Arm:
    """An optimizer's search, under its name in all tables.

    optimizer: a name of `dlopt.OPTIMIZERS`, or one of yours: "path.py:Class", "path.py", "name=path.py" for
    two versions of one class, or the name under which an installed package offers it; or one of torch or
    optax, "torch:torch.optim.NAdam(weight_decay=0.1)". What is no name is looked into by `found`, which gives
    the arm whose file says where the class is, and whose optimizer is its name.
    decay: "mixed", "none" or a schedule's name. batch_sizes: those searched, empty for the budget's rule, 0
    for the full batch. fixed: hyperparameters that are not drawn. search: ranges instead of the declared
    ones, in the hyperparameter's own units. sampler: where the draws come from. Numbers may be NumPy's.
    Raises UsageError for an unknown name, a value out of range or of another type.
    """

    optimizer: str
    name: str = ""
    decay: str = MIXED
    batch_sizes: tuple[int, ...] = ()
    fixed: tuple[tuple[str, float], ...] = ()
    search: tuple[tuple[str, tuple[float, float]], ...] = ()
    sampler: str = "random"
    file: str = dataclasses.field(default="", repr=False)

    def __post_init__(self) -> None:
        for word, example in (("optimizer", "adam"), ("file", "path.py:Class")):
            object.__setattr__(self, word, text(f"An arm's {word}", getattr(self, word), example))
        if not self.file:
            name, path = user_optimizer.named_file(self.optimizer)
            self._settle("optimizer", path)
            if name:
                self._settle("name", name)
        if self.unfound:
            user_optimizer.readable(self.optimizer)
        elif not self.file and self.optimizer not in dlopt.OPTIMIZERS:
            user_optimizer.find(self.optimizer)
            self._settle("file", self.optimizer)
        if self.file:
            self._settle("optimizer", user_optimizer.called(self.file))
        self._settle("decay", choice("decay", self.decay, [MIXED, "none", *_decays()]))
        self._settle("sampler", choice("sampler", self.sampler, SAMPLERS))
        if unnamed := self.name is None or (isinstance(self.name, str) and not self.name):
            self._settle("name", "")
        if not (unnamed and self.unfound):
            self._settle("name", usable_name("An arm's name", self.optimizer if unnamed else self.name))
        sizes = whole_numbers("batch_sizes", "a batch size", self.batch_sizes, FULL, LARGEST)
        self._settle("batch_sizes", sizes)
        fixed = by_name("fixed", self.fixed, '{"beta1": 0.9}')
        search = by_name("search", self.search, '{"lr": (1e-4, 1e-1)}')
        if both := set(fixed) & set(search):
            raise UsageError(
                f"{self.optimizer}.{min(both)} is both set and searched.",
                "Give either --set or --search for it.",
            )
        # in one order, whichever flag came first
        self._settle("fixed", tuple(sorted(fixed.items())))
        self._settle("search", tuple(sorted(search.items())))
        if not self.unfound:
            self._check_values(fixed, search)

    def _settle(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_values(self, fixed: dict[str, Any], search: dict[str, Any]) -> None:
        """Hold what is set and searched against the class."""
        called, known = self.kind.__name__, list(hyperparameters.declared(self.kind))
        for name in (*fixed, *search):
            if name not in known:
                raise UsageError(f"{called} has no {name!r}.", nearest(name, known))
        if self.decay != MIXED and not fits(self.kind, self.decay):
            raise UsageError(
                f"{called} takes no {self.decay} schedule.", "Leave its decay out, or give none."
            )
        fixed = {name: number(f"{called}.{name}", value) for name, value in self.fixed}
        search = {name: _ends(f"{self.optimizer}.{name}", ends) for name, ends in self.search}
        self._settle("fixed", tuple(fixed.items()))
        self._settle("search", tuple(search.items()))
        try:
            self.kind(**fixed)
            for end in (0, 1):
                self.kind(**{name: ends[end] for name, ends in search.items()})
            ranges = self.ranges(None).values()
        except (TypeError, ValueError) as error:  # of the core
            raise reworded(error) from None
        if any(low <= 0 for _, (low, _) in ranges):
            raise UsageError(
                f"A range of {self.optimizer} touches 0 on its log scale.",
                "Give ends away from 0 (and β from 1).",
            )

    @property
    def unfound(self) -> bool:
        """Is it of a file, or a foreign one, that nobody has looked into yet?"""
        return not self.file and user_optimizer.unseen(self.optimizer)

    def found(self) -> Arm:
        """With its class found, in a file that a process of its own has looked into: it may do anything.

        Raises UsageError for a file that cannot be loaded, has no optimizer or several, or one that does not
        keep to the contract, for one of torch or optax that is not there or cannot train here, and for what
        is set or searched and it does not have.
        """
        if not self.unfound:
            return self
        return dataclasses.replace(self, file=user_optimizer.named(self.optimizer))

    @property
    def kind(self) -> Any:
        """The optimizer's class."""
        return user_optimizer.find(self.uses)

    @property
    def whole(self) -> bool:
        """Is nothing fixed about its search?"""
        return self == Arm(self.optimizer, file=self.file)

    @property
    def parts(self) -> frozenset[tuple[str, float]]:
        """What is fixed of it: an arm with more of the same class is one without a part."""
        return frozenset(self.fixed)

    @property
    def uses(self) -> str:
        """By what a worker finds its class."""
        return self.file or self.optimizer

    @property
    def source(self) -> str:
        """What its class is tied to; "" for the suite's own."""
        return user_optimizer.source(self.uses)

    @property
    def title(self) -> str:
        """How people call it: "Adam", "SGD · cosine", "Momentum · batch 8"."""
        parts = [self.kind.__name__]
        if self.file and self.name != parts[0].lower():
            usual = self.name == self.optimizer
            parts[0] += f" ({user_optimizer.whose(self.file) if usual else self.name})"
        if self.decay != MIXED:
            parts.append("no decay" if self.decay == "none" else self.decay)
        if self.batch_sizes:
            parts.append("batch " + ", ".join("all" if s == FULL else str(s) for s in self.batch_sizes))
        symbols = {name: field.symbol or name for name, field in hyperparameters.declared(self.kind).items()}
        parts += [f"{symbols[name]} {plain(value)}" for name, value in self.fixed]
        if self.sampler != "random":
            parts.append(self.sampler.upper())
        return " · ".join(parts)

    @property
    def order(self) -> tuple[Any, ...]:
        """Where it stands among others: the house's own order, whoever was asked for first."""
        place = [*dlopt.OPTIMIZERS, self.optimizer].index(self.optimizer)
        decays = [MIXED, "none", *_decays()]
        sizes = tuple(s or 10**9 for s in self.batch_sizes)
        return (place, SAMPLERS.index(self.sampler), decays.index(self.decay), sizes, self.fixed, self.name)

    def decays(self) -> tuple[str, ...]:
        """The kinds of decay among its draws."""
        if self.decay != MIXED:
            return (self.decay,)
        return ("none", "exponential") if fits(self.kind, "exponential") else ("none",)

    def declared(self) -> list[list[Any]]:
        """Name, range and default of all fields of its optimizer and its schedules."""
        kinds = [self.kind, *(dlopt.SCHEDULES[decay] for decay in self.decays() if decay != "none")]
        return [
            [name, field.search, getattr(kind(), name)]
            for kind in kinds
            for name, field in hyperparameters.declared(kind).items()
        ]

    def ranges(self, decay: str | None) -> dict[str, tuple[hyperparameters.Field, tuple[float, float]]]:
        """What is searched, with the range of the searched quantity; a schedule's fields last."""
        found = {}
        own, fixed = dict(self.search), dict(self.fixed)
        for name, field in hyperparameters.declared(self.kind).items():
            ends = own.get(name)
            if ends and field.complement:
                ends = (1 - ends[1], 1 - ends[0])
            ends = ends or field.search
            if ends and name not in fixed:
                found[name] = (field, ends)
        if decay and decay != "none":
            for name, field in hyperparameters.searched(dlopt.SCHEDULES[decay]).items():
                found[name] = (field, field.search or (1.0, 1.0))
        return found

    def spec(self) -> ArmSpec:
        """All of it, as plain data for a manifest."""
        made: ArmSpec = {
            "optimizer": self.optimizer,
            "decay": self.decay,
            "batch_sizes": list(self.batch_sizes),
            "fixed": dict(self.fixed),
            "search": {name: list(ends) for name, ends in self.search},
            "sampler": self.sampler,
        }
        if self.file:
            made |= {"file": self.file, "source": self.source}
        return made

    @property
    def identity(self) -> dict[str, Any]:
        """What its rows are tied to: all of it, wherever its file lies."""
        return {key: value for key, value in self.spec().items() if key != "file"}


def about(thing: Any) -> str:
    """The first line of what a class or a function says of itself."""
    return (thing.__doc__ or "").strip().partition("\n")[0]


def plain(value: float) -> str:
    """A number as short as it can be without being another one."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def from_spec(name: str, spec: ArmSpec) -> Arm:
    """The arm of a manifest."""
    return Arm(
        optimizer=spec["optimizer"],
        name=name,
        decay=spec["decay"],
        batch_sizes=tuple(spec["batch_sizes"]),
        fixed=tuple(spec["fixed"].items()),
        search=tuple((k, (ends[0], ends[1])) for k, ends in spec["search"].items()),
        sampler=spec["sampler"],
        file=spec.get("file", ""),
    )


def _ends(name: str, ends: Any) -> tuple[float, float]:
    given = sequence(f"The range of {name}", ends, "two numbers", "(1e-4, 1e-1)")
    if len(given) != 2:
        raise UsageError(
            f"{name} is searched between two numbers, not in {shown(ends)}.", "Give (LOW, HIGH)."
        )
    low, high = (number(f"An end of {name}", end) for end in given)
    if not low < high:
        raise UsageError(f"{name} cannot be searched in {low:g}:{high:g}.", "Give LOW:HIGH, LOW < HIGH.")
    return low, high


def _decays() -> list[str]:
    return [name for name in dlopt.SCHEDULES if name != "constant"]


def fits(kind: Any, decay: str) -> bool:
    """May this class's learning rate follow a schedule of this name, whose fields have names of their own?"""
    if decay == "none":
        return True
    fields = set(hyperparameters.declared(dlopt.SCHEDULES[decay]))
    return kind.scheduled and not fields & set(hyperparameters.declared(kind))


def is_own(schedule: Any) -> bool:
    """Is this class of schedules none of the suite's?"""
    return schedule is not None and not schedule.__module__.startswith("dlopt.")


def written(decay: str) -> str:
    """The sha256 of the file that a schedule of somebody's own is written in; "" for the suite's."""
    kind: Any = dlopt.SCHEDULES.get(decay)
    return user_optimizer.digest(kind.factor.__code__.co_filename) if is_own(kind) else ""
