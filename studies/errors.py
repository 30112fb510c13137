"""What a user did wrong, in one sentence with the value and the rule, and a second with the remedy."""

from __future__ import annotations

import contextlib
import difflib
import math
import numbers
import operator
import re
from collections.abc import Sequence
from typing import Any

LONGEST = 60  # characters of a name


class UsageError(ValueError):
    """Bad input: exit code 2."""

    code = 2

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{_one_line(sentence)}\n{_one_line(remedy)}")

    def __reduce__(self) -> tuple[type[UsageError], tuple[str, ...]]:
        return type(self), tuple(str(self).split("\n"))  # or no worker could raise it


class FailedError(UsageError):
    """All was asked rightly, and what came out is wrong: exit code 1."""

    code = 1


class EndedError(Exception):
    """A process of its own has ended with this exit code, and has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def _one_line(text: str) -> str:
    """With what is no text written out, and what is far too long cut in its middle."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= 1_000 else f"{text[:600]} … {text[-300:]}"


_SECRETS = (
    re.compile(r"(:)(?!//|\*\*\*@)(?=\S).*(?=@)"),  # user:password@host, up to the last @
    re.compile(r"""(passw(?:or)?d["']?\s*[=:]\s*)(?!\*\*\*)('(?:\\.|[^'])*'|[^\s&'"]+)""", re.IGNORECASE),
)


def masked(text: str) -> str:
    """The text with *** for every password of a database: in a URL, its query, or PostgreSQL's key=value."""
    for secret in _SECRETS:
        text = secret.sub(r"\1***", text)
    return text


def nearest(name: str, known: Sequence[str]) -> str:
    """The remedy for an unknown name: the nearest known one, else all of them."""
    near = difflib.get_close_matches(name[:LONGEST].lower(), known, 1)
    return f"Did you mean {near[0]}?" if near else f"Choose from: {', '.join(known)}."


def reworded(error: Exception) -> UsageError:
    """An error of another room, "sentence\\nremedy" or "Sentence. Remedy.", as one of this."""
    sentence, line, remedy = str(error).partition("\n")
    if not line and ". " in sentence:
        sentence, _, remedy = sentence.rpartition(". ")
        sentence += "."
    return UsageError(sentence, remedy or "Give another value.")


def shown(value: object) -> str:
    """The repr, where there is one: an integer of thousands of digits has none."""
    try:
        return repr(value)
    except Exception:  # a class of somebody's may raise anything
        return f"a value of {type(value).__name__} that cannot be shown"


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """The value as Python's own integer; NumPy's are taken too.

    Raises UsageError unless it is a whole number from low to high.
    """
    whole = None
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            whole = operator.index(value)
    said = shown(value)
    if whole is not None:
        said = str(whole) if abs(whole) < 10**20 else "one of more than 20 digits"
    if whole is None or whole < low:
        raise UsageError(f"{name} must be a whole number >= {low}, not {said}.", f"Give {low} or more.")
    if whole > high:
        raise UsageError(f"{name} must be a whole number <= {high}, not {said}.", f"Give {high} or less.")
    return whole


def whole_numbers(name: str, each: str, value: Any, low: int, high: int) -> tuple[int, ...]:
    """The numbers of a list, or a single one; see `whole_number`."""
    alone = True
    try:
        operator.index(value)
    except TypeError:
        alone = False
    given = (value,) if alone else sequence(name, value, "whole numbers", "(64, 32)")
    return tuple(whole_number(each, one, low, high) for one in given)


def number(name: str, value: Any) -> float:
    """The value as Python's own number; NumPy's are taken too. Raises UsageError for what is none."""
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            whole = operator.index(value)
            return whole if abs(whole) < 2**1000 else math.inf if whole > 0 else -math.inf
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
            with contextlib.suppress(OverflowError):  # of a fraction
                return float(value)
    raise UsageError(f"{name} must be a number, not {shown(value)}.", "Write for example 0.1.")


def sequence(name: str, value: Any, what: str, example: str) -> tuple[Any, ...]:
    """What a list holds. Raises UsageError for a text and for what is no list."""
    if not isinstance(value, str | bytes):
        with contextlib.suppress(TypeError):
            return tuple(value)
    raise UsageError(f"{name} = {shown(value)} is no list of {what}.", f"Write for example {example}.")


def by_name(name: str, value: Any, example: str) -> dict[str, Any]:
    """A dictionary, or the pairs of one. Raises UsageError for anything else."""
    with contextlib.suppress(TypeError, ValueError):
        found = dict(value)
        if all(isinstance(key, str) for key in found):
            return {str(key): one for key, one in found.items()}
    raise UsageError(
        f"{name} = {shown(value)} does not give values by name.", f"Write for example {example}."
    )


def text(name: str, value: Any, example: str) -> str:
    """The value as Python's own text. Raises UsageError for what is none."""
    if not isinstance(value, str):
        raise UsageError(f"{name} must be text, not {shown(value)}.", f"Write for example {example!r}.")
    return str(value)


def choice(word: str, value: Any, known: Sequence[str]) -> str:
    """The value, one of the known. Raises UsageError, with the nearest, if it is not."""
    if not isinstance(value, str) or value not in known:
        near = value if isinstance(value, str) else ""
        raise UsageError(f"There is no {word} {shown(value)}.", nearest(near, known))
    return str(value)


def usable_name(what: str, name: object) -> str:
    """The name. Raises UsageError unless it can stand in tables, in lists with commas and as a folder."""
    fits = isinstance(name, str) and name.isprintable() and name == name.strip() and len(name) <= LONGEST
    if not fits or not name or str(name).startswith(".") or set("/\\,:") & set(str(name)):
        raise UsageError(
            f"{what} cannot be {shown(name)}.",
            f"Give at most {LONGEST} printable characters, none of / \\ , : and no dot or blank in front.",
        )
    return str(name)
