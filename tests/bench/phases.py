"""Where our time goes: the phases of the default study, run whole, in a process of its own."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.apart import apart

# What each phase of the coordinator is entered by: a module and a name in it.
ENTRANCES = {
    "draws": (("studies.runner", "_drawn"),),
    "storage": (
        ("studies.folder.records", "Records.write"),
        ("studies.folder.records", "Records.read"),
        ("studies.folder.records", "Records.reached"),
        ("studies.folder.run_folder", "RunFolder.log_timing"),
        ("studies.folder.run_folder", "RunFolder.timings"),
    ),
    "comparison": (("studies.assemble", "compared"),),
    "tables": (("studies.assemble", "finished"), ("studies.folder.run_folder", "RunFolder.write_tables")),
}


class Clock:
    """Seconds by phase; a phase inside another counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(["start of the workers", *ENTRANCES], 0.0)
        self.inside: list[str] = []
        self.since = 0.0

    def turn(self) -> None:
        """Give the time since the last turn to the innermost phase."""
        now = time.perf_counter()
        if self.inside:
            self.seconds[self.inside[-1]] += now - self.since
        self.since = now

    def wrap(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.turn()
            self.inside.append(phase)
            try:
                return function(*args, **kwargs)
            finally:
                self.turn()
                self.inside.pop()

        return timed

    def install(self) -> None:
        """Put itself at all entrances."""
        for phase, doors in ENTRANCES.items():
            for module, name in doors:
                owner: Any = importlib.import_module(module)
                *classes, last = name.split(".")
                try:
                    for one in classes:
                        owner = getattr(owner, one)
                    setattr(owner, last, self.wrap(phase, getattr(owner, last)))
                except AttributeError:
                    raise RuntimeError(f"{module} has no {name} any more: mend ENTRANCES.") from None


def default_study(folder: Path, blocks: int | None) -> dict[str, float]:
    """Run it from nothing, page and mirror too: seconds by the clock."""
    import pandas as pd
    from joblib.externals import loky

    import reports
    from studies.catalog import STUDIES
    from studies.takehome import optuna_mirror

    clock = Clock()
    clock.install()
    import studies.runner
    from studies.runner import run  # after the wrapping, should it import a name by itself
    from studies.training.workers import Workers

    drawn, begin = studies.runner._drawn, clock.wrap("start of the workers", Workers.each)

    def started_first(workers: Workers, calls: Any) -> Any:
        begin(
            workers, dict.fromkeys(range(workers.jobs), (int, "1"))
        )  # or it would count as draws, the first that they do
        return drawn(workers, calls)

    studies.runner._drawn = started_first

    study = STUDIES["default"]
    if blocks:
        study = dataclasses.replace(study, blocks=blocks, datasets=("wine",), draws=4)
    shutil.rmtree(folder, ignore_errors=True)
    started = time.perf_counter()
    done = run(study, out=folder)
    found = dict(clock.seconds) | {"study": time.perf_counter() - started}
    for name, write in (
        ("page", lambda: reports.write([folder], folder / "report.html")),
        ("mirror", lambda: optuna_mirror.write(folder)),
    ):
        begun = time.perf_counter()
        write()
        found[name] = time.perf_counter() - begun
    loky.get_reusable_executor().shutdown()  # or this process would wait minutes for idle workers
    timings = pd.read_parquet(folder / "tables" / "timings.parquet")
    found["training, sum over processes"] = float(timings.seconds.sum())
    found["rows trained"] = float(done.trained)
    return found


def evaluation_share(quick: bool) -> float:
    """The share of a training that reads validation and test, over one block of each default dataset."""
    from dlopt.engine import rows
    from studies.catalog import STUDIES
    from tests.bench.study import Study, ours

    spent = [0.0]
    whole = rows.RowByRow.evaluate

    def timed(self: Any, part: int) -> Any:
        started = time.process_time()
        result = whole(self, part)
        spent[0] += time.process_time() - started
        return result

    named = STUDIES["default"]
    names = ("wine",) if quick else named.datasets
    for name in names:  # first without the clock: imports, draws' caches
        study = Study("bench", named.optimizers, (name,), blocks=1, draws=4 if quick else named.draws)
        rows.RowByRow.evaluate = timed  # type: ignore[method-assign]
        try:
            started = time.process_time()
            ours(study)
            spent.append(time.process_time() - started)
        finally:
            rows.RowByRow.evaluate = whole  # type: ignore[method-assign]
    return spent[0] / sum(spent[1:])


def section(folder: Path, *, quick: bool, say: Any) -> Iterator[dict[str, Any]]:
    """A line for each phase."""
    found = apart(default_study, folder, 3 if quick else None, everywhere=True)
    found["evaluation, share of training"] = evaluation_share(quick)
    say(", ".join(f"{phase} {value:.2f}" for phase, value in found.items()))
    for phase, value in found.items():
        unit = {"rows trained": "rows", "evaluation, share of training": "share"}.get(phase, "s")
        line = {"section": "phases", "shape": "a small study" if quick else "default", "unit": unit}
        yield line | {"contender": phase, "library": "dlopt", "value": float(np.round(value, 4))}
