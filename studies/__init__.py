"""Studies: searches, the fair protocol, comparison, run folders and the command line."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from studies.question.arm import Arm
    from studies.question.study import Study
    from studies.runner import Run, run

__all__ = ["Arm", "Run", "Study", "run"]

_HOME = {"Arm": "question.arm", "Run": "runner", "Study": "question.study", "run": "runner"}


def __getattr__(name: str) -> Any:  # so that the command line can answer Ctrl-C while all is imported
    if name in _HOME:
        return getattr(importlib.import_module(f"studies.{_HOME[name]}"), name)
    raise AttributeError(f"module 'studies' has no attribute {name!r}")


def _check_datasets() -> None:
    """The room `datasets` shares its name with a famous package."""
    found = importlib.util.find_spec("datasets")
    origin = found.origin if found else None
    if Path(origin or "").parent.parent == Path(__file__).parent.parent:
        return
    _refuse(
        f"Another package named datasets comes first ({origin or 'a folder without __init__.py'}).",
        "Start Python in the checkout of dlopt and import studies first, or uninstall that package.",
    )


def _check_docstrings() -> None:
    """Tables and pages quote optimizers' docstrings."""
    if sys.flags.optimize > 1:
        _refuse(
            "Python runs with -OO, which strips the docstrings that a study's tables hold.",
            "Leave it out, and PYTHONOPTIMIZE=2 too; -O alone does no harm.",
        )


def _refuse(sentence: str, remedy: str) -> NoReturn:
    if sys.argv[:1] == ["-m"]:  # the command line is about to start
        print(f"{sentence}\n{remedy}", file=sys.stderr)
        sys.exit(2)
    raise ImportError(f"{sentence} {remedy}")


_check_datasets()
_check_docstrings()
