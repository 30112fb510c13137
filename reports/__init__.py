"""Reports: a finished run folder becomes one honest, self-contained page with its pictures and tables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.data.run import ReportError, read
    from reports.data.verdict import verdict
    from reports.files import write

__all__ = ["ReportError", "read", "verdict", "write"]

_HOME = {"ReportError": "data.run", "read": "data.run", "verdict": "data.verdict", "write": "files"}


def __getattr__(name: str) -> Any:  # so that the command line can answer Ctrl-C while all is imported
    if name in _HOME:
        return getattr(importlib.import_module(f"reports.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reports' has no attribute {name!r}")
