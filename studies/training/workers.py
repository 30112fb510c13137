"""Workers: train rows on processes and record them as they come."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from joblib.externals.loky.process_executor import TerminatedWorkerError

from studies.folder.run_folder import RunFolder
from studies.question.plan import Plan
from studies.training.process_pool import Call, K, answers, gathered, results
from studies.training.progress import Progress, duration
from studies.training.rows import KEY, Row
from studies.training.stacks import Failure, attempt, cost, killed, skip, stacks, train_stacks

SELDOM = 2.0  # seconds between two words on one thing
Records = list[list[dict[str, Any]]]  # one list of rows for each stack of a task


class Workers:
    """Calls pure functions, trains rows and records them."""

    def __init__(self, folder: RunFolder, plan: Plan, jobs: int, progress: Progress) -> None:
        self.folder, self.plan, self.jobs, self.progress = folder, plan, jobs, progress
        self.trained = self.diverged = 0
        self.reached: dict[tuple[Any, ...], float] = {}  # best validation loss, by key
        self.failed: dict[str, str] = {}  # somebody's own optimizers that raised, and what

    def train(self, rows: Sequence[Row], identify: Callable[[Row], str]) -> None:
        """Train rows and record them as they come."""
        # the long ones first: no worker idles at the end while the other begins the largest
        tasks = sorted(stacks(self.plan, rows), key=lambda task: -sum(map(cost, task)))
        identities = {row.key: identify(row) for row in rows}
        self.progress.start(tasks)
        calls = {i: (train_stacks if task[0].builtin else attempt, task) for i, task in enumerate(tasks)}

        def due(call: Call) -> Call:
            uses = call[1][0].rows[0].uses
            return (skip, uses) if uses in self.failed else call

        def fails(call: Call) -> Failure | None:
            return killed(call[1]) if call[0] is attempt else None

        with contextlib.closing(answers(calls, self.jobs, due, fails)) as found:
            for _, records in found:
                if isinstance(records, Failure):
                    self.failed.setdefault(records.uses, records.said)
                else:
                    self._record(records, identities)

    def each(self, calls: Mapping[K, Call]) -> dict[K, Any]:
        """The answers to all calls, by key."""
        return gathered(calls, self.jobs)

    @contextlib.contextmanager
    def meanwhile(self, calls: Mapping[K, Call], what: str = "") -> Iterator[Callable[[], dict[K, Any]]]:
        """Begin with calls; gives what waits for their answers, by key: to be asked before others.

        what: they are, for the progress; "" where they are short.
        """
        with results(calls.items(), min(self.jobs, len(calls)) or 1) as some:

            def answers() -> dict[K, Any]:
                try:
                    return dict(self._told(some, len(calls), what) if what else some)
                except TerminatedWorkerError:
                    return self.each(calls)

            yield answers

    def _told(self, some: Iterable[tuple[K, Any]], many: int, what: str) -> Iterator[tuple[K, Any]]:
        """The same, on its way told to the progress."""
        began = last = time.monotonic()
        for done, one in enumerate(some, start=1):
            if (now := time.monotonic()) - last >= SELDOM:
                last = now
                left = duration((now - began) * (many - done) / done)
                self.progress.told(f"{what} · {done}/{many} · {left} left")
            yield one

    def _record(self, records: Records, identities: dict[tuple[Any, ...], str]) -> None:
        for rows in records:
            keys = [tuple(row[name] for name in KEY) for row in rows]
            self.folder.records.write(rows, [identities[key] for key in keys])
            self.reached |= {k: row["best_validation_loss"] for k, row in zip(keys, rows, strict=True)}
            first = rows[0]
            self.folder.log_timing(
                {
                    "dataset": first["dataset"],
                    "block": first["block"],
                    "batch_size": first["batch_size"],
                    "rows": len(rows),
                    "steps": int(first["curve"]["step"][-1]),
                    "seconds": first["seconds"],
                }
            )
        flat = [row for rows in records for row in rows]
        diverged = sum(row["status"] == "diverged" for row in flat)
        self.trained += len(flat)
        self.diverged += diverged
        blocks = list(dict.fromkeys(row["block"] for row in flat))
        self.progress.finished(flat[0]["dataset"], blocks, len(flat), diverged)
