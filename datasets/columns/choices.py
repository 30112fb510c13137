"""What the user decides about columns: which to leave out, and which are categories, numbers or dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeGuard

from datasets.sentences import nearest, shown

OPTIONS = ("drop", "category", "number", "date")


class Choices(NamedTuple):
    """The columns that the user decides about, by what was said of them."""

    drop: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    date: tuple[str, ...] = ()

    def of(self, column: str) -> str:
        """What was said of a column: an option's name, "" for nothing."""
        return next((option for option in OPTIONS if column in getattr(self, option)), "")


def choices(
    given: dict[str, object], columns: Sequence[str], name: str, target: str, group: str | None
) -> Choices:
    """The user's choices, checked against a table's columns.

    given: names of columns by option. Raises ValueError for a name that is not there, that stands in two
    options, or that is the target's or the group's.
    """
    found: dict[str, tuple[str, ...]] = {}
    seen: dict[str, str] = {}
    for option in OPTIONS:
        found[option] = _names(option, given.get(option, ()))
        for one in found[option]:
            if one not in columns:
                raise ValueError(
                    f"{name} has no column {shown(one)!r} for {option}.\n{nearest(one, columns)}"
                )
            if one == target:
                raise ValueError(
                    f"{option} names the target {shown(one)!r}.\nSay what a target is by the task."
                )
            if one == group:
                raise ValueError(
                    f"{option} names the group {shown(one)!r}, which is no feature.\nLeave it out."
                )
            if seen.setdefault(one, option) != option:
                raise ValueError(
                    f"{shown(one)!r} stands in {seen[one]} and in {option}.\nName it in one of them only."
                )
    return Choices(**found)


def _is_several(given: object) -> TypeGuard[Iterable[object]]:
    return isinstance(given, Iterable) and not isinstance(given, str)


def _names(option: str, given: object) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for one in () if given is None else tuple(given) if _is_several(given) else (given,):
        if not isinstance(one, str):
            raise ValueError(f"{option} takes names of columns, not {shown(one)}.\nName them as text.")
        found[one.strip()] = None
    return tuple(found)
