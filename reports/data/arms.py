"""Arms by the optimizer behind them."""

from __future__ import annotations

from reports.data.run import Run


def families(run: Run) -> dict[str, list[str]]:
    """Arms by the optimizer behind them, both in the study's order."""
    frame = run["optimizers"].sort_values("position")
    found: dict[str, list[str]] = {}
    for uses, arm in zip(map(str, frame.uses), map(str, frame.optimizer), strict=True):
        found.setdefault(uses, []).append(arm)
    return found


def family(run: Run, arms: list[str]) -> str:
    """The name in words of the optimizer behind arms: "SGD" for "SGD · batch 8"."""
    return run.title(arms[0]).split(" · ")[0]


def column(run: Run, name: str) -> dict[str, str]:
    """A column of the table of optimizers by arm."""
    frame = run["optimizers"]
    return dict(zip(map(str, frame.optimizer), map(str, frame[name]), strict=True))
