"""What is compared: an arm is an optimizer with whatever is fixed about its search."""

from __future__ import annotations

import dataclasses
from typing import Any

import dlopt
from dlopt import fields
from studies import own
from studies.errors import UsageError, nearest, usable_name, whole_number

MIXED = "mixed"  # half of the draws without decay, half with the exponential one
SAMPLERS = ("random", "qmc", "tpe", "gp")
FULL = 0  # as a batch size: all training rows
LARGEST = 2**20  # batch size


@dataclasses.dataclass(frozen=True)
class Arm:
    """An optimizer's search, under its name in all tables.

    optimizer: a name of `dlopt.OPTIMIZERS`, or one of yours: "path.py:Class", "path.py", or the name under
    which an installed package offers it; then file says where it is, and optimizer is its class's name.
    decay: "mixed", "none" or a schedule's name. batch_sizes: those searched, empty for the budget's rule, 0
    for the full batch. fixed: hyperparameters that are not drawn. search: ranges instead of the declared
    ones, in the hyperparameter's own units. sampler: where the draws come from. Raises UsageError for an
    unknown name, a value out of range, or an optimizer that does not keep to the contract.
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
        if not self.file and self.optimizer not in dlopt.OPTIMIZERS:
            object.__setattr__(self, "file", own.named(self.optimizer))
        if self.file:
            object.__setattr__(self, "optimizer", own.find(self.file).__name__.lower())
        for word, value, known in (
            ("decay", self.decay, [MIXED, "none", *_decays()]),
            ("sampler", self.sampler, list(SAMPLERS)),
        ):
            if value not in known:
                raise UsageError(f"There is no {word} {value!r}.", nearest(str(value), known))
        object.__setattr__(self, "name", self.name or self.optimizer)
        usable_name("An arm's name", self.name)
        object.__setattr__(self, "batch_sizes", tuple(self.batch_sizes))
        for size in self.batch_sizes:
            whole_number("a batch size", size, FULL, LARGEST)
        for held in ("fixed", "search"):  # in one order, whichever flag came first
            object.__setattr__(self, held, tuple(sorted(dict(getattr(self, held)).items())))
        known = list(fields.declared(self.kind))
        for name in [name for name, _ in (*self.fixed, *self.search)]:
            if name not in known:
                raise UsageError(f"{self.kind.__name__} has no {name!r}.", nearest(name, known))
        both = {name for name, _ in self.fixed} & {name for name, _ in self.search}
        if both:
            name = sorted(both)[0]
            raise UsageError(
                f"{self.optimizer}.{name} is both set and searched.", "Give either --set or --search for it."
            )
        for name, (low, high) in self.search:
            if not low < high:
                raise UsageError(
                    f"{self.optimizer}.{name} cannot be searched in {low:g}:{high:g}.",
                    "Give LOW:HIGH, LOW < HIGH.",
                )
        try:
            self.kind(**dict(self.fixed))
            for end in (0, 1):
                self.kind(**{name: ends[end] for name, ends in self.search})
            ranges = self.ranges(None).values()
        except (TypeError, ValueError) as error:  # of the core: "sentence. Remedy."
            sentence, _, remedy = str(error).partition(". ")
            raise UsageError(f"{sentence}.", remedy) from None
        if any(low <= 0 for _, (low, _) in ranges):
            raise UsageError(
                f"A range of {self.optimizer} touches 0 on its log scale.",
                "Give ends away from 0 (and β from 1).",
            )

    @property
    def kind(self) -> Any:
        """The optimizer's class."""
        return own.find(self.uses)

    @property
    def whole(self) -> bool:
        """Is nothing fixed about its search?"""
        return self == Arm(self.optimizer, file=self.file)

    @property
    def uses(self) -> str:
        """By what a worker finds its class."""
        return self.file or self.optimizer

    @property
    def source(self) -> str:
        """What its class is tied to; "" for the suite's own."""
        return own.source(self.uses)

    @property
    def title(self) -> str:
        """How people call it: "Adam", "SGD · cosine", "Momentum · batch 8"."""
        parts = [self.kind.__name__]
        if self.decay != MIXED:
            parts.append("no decay" if self.decay == "none" else self.decay)
        if self.batch_sizes:
            parts.append("batch " + ", ".join("all" if s == FULL else str(s) for s in self.batch_sizes))
        symbols = {name: field.symbol or name for name, field in fields.declared(self.kind).items()}
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
        return ("none", "exponential") if self.decay == MIXED else (self.decay,)

    def declared(self) -> list[list[Any]]:
        """Name, range and default of all fields of its optimizer and its schedules."""
        kinds = [self.kind, *(dlopt.SCHEDULES[decay] for decay in self.decays() if decay != "none")]
        return [
            [name, field.search, getattr(kind(), name)]
            for kind in kinds
            for name, field in fields.declared(kind).items()
        ]

    def ranges(self, decay: str | None) -> dict[str, tuple[fields.Field, tuple[float, float]]]:
        """What is searched, with the range of the searched quantity; a schedule's fields last."""
        found = {}
        own, fixed = dict(self.search), dict(self.fixed)
        for name, field in fields.declared(self.kind).items():
            ends = own.get(name)
            if ends and field.complement:
                ends = (1 - ends[1], 1 - ends[0])
            ends = ends or field.search
            if ends and name not in fixed:
                found[name] = (field, ends)
        if decay and decay != "none":
            for name, field in fields.searched(dlopt.SCHEDULES[decay]).items():
                found[name] = (field, field.search or (1.0, 1.0))
        return found

    def spec(self) -> dict[str, Any]:
        """All of it, as plain data for a manifest."""
        return {
            "optimizer": self.optimizer,
            "decay": self.decay,
            "batch_sizes": list(self.batch_sizes),
            "fixed": dict(self.fixed),
            "search": {name: list(ends) for name, ends in self.search},
            "sampler": self.sampler,
            **({"file": self.file, "source": self.source} if self.file else {}),
        }

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


def from_spec(name: str, spec: dict[str, Any]) -> Arm:
    """The arm of a manifest. Raises UsageError for what describes none."""
    try:
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
    except (AttributeError, LookupError, TypeError):
        raise UsageError(f"The manifest describes {name!r} as {spec!r}.", "Choose another folder.") from None


def _decays() -> list[str]:
    return [name for name in dlopt.SCHEDULES if name != "constant"]
