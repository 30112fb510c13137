"""Worker processes: pure functions of the rows they are given. joblib is the one door to parallelism."""

from __future__ import annotations

import atexit
import contextlib
import functools
import operator
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import joblib
from joblib import Parallel, delayed
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

import datasets
from studies.errors import UsageError
from studies.machine import one_thread
from studies.progress import Progress
from studies.protocol import KEY, Row, Study
from studies.stacks import Failure, attempt, cost, skip, stacks, train_stacks
from studies.store import RunFolder

RETRIES = 3  # of the calls without an answer, after a worker was killed
Call = tuple[Any, ...]  # a function, then its arguments
Records = list[list[dict[str, Any]]]  # one list of rows for each stack of a task


class Workers:
    """Calls pure functions, trains rows and records them."""

    def __init__(self, folder: RunFolder, study: Study, jobs: int, progress: Progress) -> None:
        self.folder, self.study, self.jobs, self.progress = folder, study, jobs, progress
        self.trained = self.diverged = 0
        self.reached: dict[tuple[Any, ...], float] = {}  # best validation loss, by key
        self.failed: dict[str, str] = {}  # somebody's own optimizers that raised, and what

    def train(self, rows: Sequence[Row], identify: Callable[[Row], str]) -> None:
        """Train rows and record them as they come."""
        # the long ones first: no worker idles at the end while the other begins the largest
        tasks = sorted(stacks(self.study, rows), key=lambda task: -sum(map(cost, task)))
        identities = {row.key: identify(row) for row in rows}
        self.progress.start(tasks)
        calls = [(train_stacks if task[0].builtin else attempt, task) for task in tasks]

        def due(call: Call) -> Call:
            uses = call[1][0].rows[0].uses
            return (skip, uses) if uses in self.failed else call

        with contextlib.closing(answers(calls, self.jobs, due)) as found:
            for _, records in found:
                if isinstance(records, Failure):
                    self.failed.setdefault(records.uses, records.said)
                else:
                    self._record(records, identities)

    def each(self, calls: Iterable[Call]) -> list[Any]:
        """The answers to all calls, in their order."""
        return gathered(calls, self.jobs)

    @contextlib.contextmanager
    def meanwhile(self, calls: Sequence[Call]) -> Iterator[Callable[[], list[Any]]]:
        """Begin with calls; gives what waits for their answers, in their order: to be asked before others."""
        turns = (delayed(work)(i, *call) for i, call in enumerate(calls))
        with _results(turns, min(self.jobs, len(calls)) or 1) as some:

            def answers() -> list[Any]:
                try:
                    return [answer for _, answer in sorted(some, key=operator.itemgetter(0))]
                except TerminatedWorkerError:
                    return self.each(calls)

            yield answers

    def _record(self, records: Records, identities: dict[tuple[Any, ...], str]) -> None:
        for rows in records:
            keys = [tuple(row[name] for name in KEY) for row in rows]
            self.folder.write_record(rows, [identities[key] for key in keys])
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


def gathered(
    calls: Iterable[Call], jobs: int, tell: Callable[[int, Call], None] = lambda done, call: None
) -> list[Any]:
    """The answers to all calls, in their order. tell hears of each as it is done: how many are, and which."""
    calls = list(calls)
    found: list[Any] = [None] * len(calls)
    with contextlib.closing(answers(calls, jobs)) as some:
        for done, (i, answer) in enumerate(some, 1):
            found[i] = answer
            tell(done, calls[i])
    return found


def answers(
    calls: Iterable[Call], jobs: int, due: Callable[[Call], Call] = lambda call: call
) -> Generator[tuple[int, Any]]:
    """A call's number and its answer, as they come. A call is a pure function with its arguments.

    jobs: processes, 0 for one per core. due: what a call has become when its turn comes. A killed worker's
    calls are submitted again a few times. Raises UsageError when that did not help.
    """
    waiting = dict(enumerate(calls))
    for tried in range(RETRIES + 1):
        try:
            left = list(waiting.items())  # which changes meanwhile
            turns = (delayed(work)(i, *due(call)) for i, call in left)
            with _results(turns, min(jobs or os.cpu_count() or 1, len(left)) or 1) as some:
                for i, answer in some:
                    del waiting[i]
                    yield i, answer
            return
        except TerminatedWorkerError:
            if tried == RETRIES:
                raise UsageError(
                    f"Worker processes were killed {RETRIES + 1} times (memory may be short).",
                    "What was finished is kept: run again with --jobs 1.",
                ) from None


@contextlib.contextmanager
def _results(calls: Iterable[Any], jobs: int) -> Iterator[Iterator[tuple[int, Any]]]:
    how = {"initializer": begin, "initargs": (os.getpid(), _at_rest(*datasets.added()))} if jobs > 1 else {}
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, **how)
    with _deaf():
        results: Generator[tuple[int, Any]] = parallel(calls)
    try:
        yield results
    finally:  # of an interrupt or a full disk: the workers end, which is meant and needs no warning
        with warnings.catch_warnings(action="ignore"):
            results.close()


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Processes that start inside never hear Ctrl-C, which is their coordinator's; it hears it afterwards."""
    _track()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _track() -> None:
    """Start joblib's trackers, which clean up after a kill: an interrupted start is nothing to warn of."""
    sys.warnoptions.append("ignore:resource_tracker")
    try:
        resource_tracker.ensure_running()  # whose own start would let Ctrl-C through again
        loky_tracker.ensure_running()
    finally:
        sys.warnoptions.remove("ignore:resource_tracker")


@functools.lru_cache(maxsize=1)
def _at_rest(*tables: datasets.Table) -> str:
    """The file of the user's own tables, "" for none: all workers map it, so it is in memory once."""
    if not tables:
        return ""
    _track()
    folder = tempfile.mkdtemp(prefix="dlopt-")
    loky_tracker.register(folder, "folder")  # which removes it when this process is killed
    atexit.register(_forget, folder)
    path = Path(folder) / "tables"
    joblib.dump(tables, path)
    return str(path)


def _forget(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    loky_tracker.unregister(folder, "folder")


def begin(coordinator: int, tables: str = "") -> None:
    """What a worker process does first: see to it that it ends when its coordinator is gone.

    SIGKILL on the coordinator leaves orphans otherwise, also those that never had a task. tables: the file
    of the user's own ones, to be known here too.
    """
    if tables:
        datasets.add(*joblib.load(tables, mmap_mode="r"))

    def watch() -> None:
        while os.getppid() == coordinator:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def work(i: int, function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    """The number of a call and its answer, found on one thread."""
    with one_thread():
        return i, function(*arguments)
