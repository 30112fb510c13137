"""What a user did wrong, in one sentence with the value and the rule, and a second with the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

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


def whole_number(name: str, value: object, low: int, high: int) -> None:
    """Raise UsageError unless the value is a whole number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UsageError(f"{name} must be a whole number >= {low}, not {value!r}.", f"Give {low} or more.")
    if value > high:
        shown = str(value) if value < 10**20 else "one of more than 20 digits"
        raise UsageError(f"{name} must be a whole number <= {high}, not {shown}.", f"Give {high} or less.")


def usable_name(what: str, name: object) -> None:
    """Raise UsageError unless a name can stand in tables, in lists with commas and in a folder's name."""
    fits = isinstance(name, str) and name.isprintable() and name == name.strip() and len(name) <= LONGEST
    if not fits or not name or str(name).startswith(".") or set("/\\,:") & set(str(name)):
        raise UsageError(
            f"{what} cannot be {name!r}.",
            f"Give at most {LONGEST} printable characters, none of / \\ , : and no dot or blank in front.",
        )
