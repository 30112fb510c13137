"""What is said about a table: values in one line, lists cut short, decisions gathered into sentences."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence

LONGEST = 200  # characters of a value in a sentence


class Notes:
    """What was decided about columns, gathered so that each decision is one sentence."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, column: object) -> None:
        """Note a decision about a column."""
        self._found.setdefault(what, []).append(repr(str(column)))

    def sentences(self) -> list[str]:
        """One sentence for each decision, with its columns."""
        return [f"{what}: {listed(columns)}." for what, columns in self._found.items()]


def shown(value: object) -> str:
    """A text, or the repr of anything else, in one line and cut in its middle where it is long."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # an integer of thousands of digits has none, and somebody's class may raise anything
        text = f"a value of {type(value).__name__} that cannot be shown"
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return line if len(line) <= LONGEST else f"{line[:120]} … {line[-60:]}"


def listed(words: Sequence[str], most: int = 5) -> str:
    """The first few words, and how many more there are."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(map(shown, words[:most])) + more


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as "1 row" and "2,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def flag(option: str, column: str) -> str:
    """An option of the command line with a column, quoted as a shell needs it: --drop 'my column'."""
    return f"--{option} {shlex.quote(shown(column))}"


def nearest(wanted: str, there: Sequence[str]) -> str:
    """A remedy for a name that is not there: the nearest one, or all that are."""
    near = difflib.get_close_matches(wanted, there, 1)
    return f"Did you mean {shown(near[0])!r}?" if near else f"There are: {listed(list(there), 20)}."
