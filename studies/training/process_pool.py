"""Worker processes: pure functions of what they are given. joblib is the one door to parallelism."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import joblib
from joblib import Parallel, delayed
from joblib.externals.loky.backend import resource_tracker as loky_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

import datasets
import dlopt
from studies.errors import UsageError
from studies.question.arm import is_own
from studies.system import interrupts
from studies.system.machine import one_thread

RETRIES = 3  # of the calls without an answer, after a worker was killed
Call = tuple[Any, ...]  # a function, then its arguments
K = TypeVar("K", bound=Hashable)  # which call is meant


class Known(NamedTuple):
    """What a worker does not know by itself: the file of the user's own tables, or ""; own schedules."""

    tables: str
    schedules: tuple[tuple[str, Any], ...]


def gathered(
    calls: Mapping[K, Call], jobs: int, tell: Callable[[int, K], None] = lambda done, key: None
) -> dict[K, Any]:
    """The answers to all calls, by key. tell hears of each as it is done: how many are, and which."""
    found = {}
    with contextlib.closing(answers(calls, jobs)) as some:
        for done, (key, answer) in enumerate(some, 1):
            found[key] = answer
            tell(done, key)
    return {key: found[key] for key in calls}


def answers(
    calls: Mapping[K, Call],
    jobs: int,
    due: Callable[[Call], Call] = lambda call: call,
    fails: Callable[[Call], Any] = lambda call: None,
) -> Generator[tuple[K, Any]]:
    """A call's key and its answer, as they come. A call is a pure function with its arguments.

    jobs: processes, 0 for one per core. due: what a call has become when its turn comes. A killed worker's
    calls are submitted again a few times, never in this process; with one job all is done in this one. fails:
    the answer of a call that has killed its worker while it was alone, None where there is none. Raises
    UsageError when all that did not help.
    """
    waiting, jobs = dict(calls), jobs or os.cpu_count() or 1
    for tried in range(RETRIES + 1):
        for key in [key for key, call in waiting.items() if tried and fails(call) is not None]:
            call = due(waiting.pop(key))
            try:
                with results([(key, call)], 2) as some:
                    yield from some
            except TerminatedWorkerError:
                yield key, fails(call)
        left = list(waiting.items())  # which changes meanwhile
        apart = tried or any(fails(call) is not None for call in waiting.values())
        processes = jobs if apart else min(jobs, len(left)) or 1
        turns = ((key, due(call)) for key, call in left)
        try:
            with results(turns, processes) as some:
                for key, answer in some:
                    del waiting[key]
                    yield key, answer
            return
        except TerminatedWorkerError:
            if tried == RETRIES:
                raise UsageError(
                    f"Worker processes were killed {RETRIES + 1} times (memory may be short).",
                    "What was finished is kept: run again with --jobs 1.",
                ) from None


@contextlib.contextmanager
def results(calls: Iterable[tuple[K, Call]], jobs: int) -> Iterator[Iterator[tuple[K, Any]]]:
    """The answers of calls, as they come; in this process where one is enough. A killed worker ends it."""
    how, known = dict[str, Any](), Known("", ())
    if jobs > 1:
        # before a worker imports anything large it sees to it that it ends when this process is gone
        how = {"initializer": interrupts.watch_parent, "initargs": (os.getpid(),)}
        own = tuple((name, kind) for name, kind in dlopt.SCHEDULES.items() if is_own(kind))
        known = Known(_at_rest(*datasets.added()), own)
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, **how)
    _track()
    with interrupts.deaf():
        some: Generator[tuple[K, Any]] = parallel(delayed(work)(key, known, *call) for key, call in calls)
    try:
        yield some
    finally:  # of an interrupt or a full disk: the workers end, which is meant and needs no warning
        with warnings.catch_warnings(action="ignore"):
            some.close()


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


def work(key: K, known: Known, function: Callable[..., Any], *arguments: Any) -> tuple[K, Any]:
    """The key of a call and its answer, found on one thread.

    known: what is the user's own and to be known in this worker too.
    """
    if known.tables:
        _know(known.tables)
    for name, kind in known.schedules:
        dlopt.SCHEDULES.setdefault(name, kind)
    with one_thread():
        return key, function(*arguments)


@functools.lru_cache(maxsize=1)
def _know(tables: str) -> None:
    datasets.add(*joblib.load(tables, mmap_mode="r"))
