"""The coordinator: wanted rows minus recorded ones, trained, compared, written down."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import threadpoolctl

import datasets
import dlopt
from dlopt import fields
from studies import compare, readings
from studies.audit import audit
from studies.baselines import baselines
from studies.catalog import STUDIES
from studies.errors import UsageError, whole_number
from studies.progress import Progress, Silent
from studies.protocol import (
    RESULTS_VERSION,
    Row,
    Stack,
    Study,
    budget,
    stacks,
    train_stack,
    wanted_keys,
    wanted_rows,
)
from studies.store import RunFolder, open_run

RETRIES = 3  # of the missing stacks, after a worker was killed


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run. path: its folder; trained: rows trained by this call; diverged: among them."""

    path: Path
    study: Study
    trained: int
    diverged: int
    seconds: float


def run(study: Study, *, out: Path | str, jobs: int = 0, progress: Progress | None = None) -> Run:
    """Train what the run folder lacks, compare, and write the tables.

    out: the run folder; one that holds the same question is resumed or extended. jobs: worker processes,
    0 for one per core. Raises UsageError for a folder of something else or of another question.
    """
    started = time.perf_counter()
    whole_number("jobs", jobs, 0)
    progress = progress or Silent()
    asked = {
        "name": study.name,
        "optimizers": list(study.optimizers),
        "datasets": list(study.datasets),
        "blocks": study.blocks,
    }
    with open_run(Path(out), asked, question(study)) as folder, _terminable():
        study = _whole(study, folder)
        workers = _Workers(folder, study, jobs or os.cpu_count() or 1, progress)
        keys = wanted_keys(study)
        wanted = [(*key, identity(study, key[2])) for key in keys]
        have = folder.identities()
        workers.train(
            wanted_rows(study, [key for key, row in zip(keys, wanted, strict=True) if row not in have])
        )
        rows, curves = folder.read_records(wanted)
        _compare(folder, study, rows, curves, workers)
        seconds = time.perf_counter() - started
        folder.describe(changes(study), machine(workers.jobs, workers.trained, seconds))
        return Run(folder.path, study, workers.trained, workers.diverged, seconds)


def question(study: Study) -> dict[str, Any]:
    """All that determines results beside what may grow; a folder answers one question."""
    return {
        "draws": study.draws,
        "epochs": study.epochs or "rule",
        "seed": study.seed,
        "results_version": RESULTS_VERSION,
        "arithmetic": arithmetic(),
    }


@functools.cache
def arithmetic() -> dict[str, str]:
    """What bytes depend on beside the seed: library versions and the kernels this machine picks."""
    blas = [lib for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]
    versions = {name: _version(name) for name in ("numpy", "scipy", "scikit-learn", "optuna")}
    kernels = ",".join(sorted({f"{lib['internal_api']} {lib.get('architecture')}" for lib in blas}))
    return {**versions, "blas": kernels, "simd": _simd(), "machine": platform.machine()}


def _version(name: str) -> str:
    import importlib.metadata

    return importlib.metadata.version(name)


def _simd() -> str:
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return str(found[-1]) if found else "baseline"


def machine(jobs: int, trained: int, seconds: float) -> dict[str, Any]:
    """Where and how fast: what may differ between two runs with the same tables."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    return {
        "processor": models[0].split(":")[1].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "jobs": jobs,
        "trained": trained,
        "seconds": round(seconds, 2),
    }


def changes(study: Study) -> list[str]:
    """What differs from the named study of the same name, in words."""
    if study.name not in STUDIES:
        return []
    named, words = STUDIES[study.name][1], []
    for field in dataclasses.fields(Study):
        old, new = getattr(named, field.name), getattr(study, field.name)
        if old != new:
            shown = [", ".join(v) if isinstance(v, tuple) else str(v) for v in (new, old)]
            words.append(f"{field.name}: {shown[0]} (named study: {shown[1]})")
    return words


def identity(study: Study, optimizer: str, extra: Any = None) -> str:
    """What ties a row to its optimizer: the results version, its defaults and search ranges, a pick."""
    kind = dlopt.OPTIMIZERS[optimizer]
    parts = {
        "version": RESULTS_VERSION,
        "fields": {name: [f.search, getattr(kind(), name)] for name, f in fields.declared(kind).items()},
        "extra": extra,
    }
    return hashlib.sha256(json.dumps([parts, study.seed]).encode()).hexdigest()[:16]


def _whole(study: Study, folder: RunFolder) -> Study:
    """The study with all that its folder holds, in the house's own order, whoever was asked for first."""
    had = folder.manifest["asked"]
    return dataclasses.replace(
        study,
        optimizers=tuple(name for name in dlopt.OPTIMIZERS if name in had["optimizers"]),
        datasets=tuple(name for name in datasets.names() if name in had["datasets"]),
        blocks=had["blocks"],
    )


class _Workers:
    """Trains rows in worker processes and records them; the only door to parallelism is joblib."""

    def __init__(self, folder: RunFolder, study: Study, jobs: int, progress: Progress) -> None:
        self.folder, self.study, self.jobs, self.progress = folder, study, jobs, progress
        self.trained = self.diverged = 0

    def train(self, rows: list[Row], extra: Any = None) -> None:
        """Train rows and record them; a killed worker's tasks are submitted again a few times."""
        tasks = stacks(self.study, rows)
        self.progress.start(tasks, self.study.blocks)
        for attempt in range(RETRIES + 1):
            try:
                for records in self._results(tasks):
                    self._record(records, extra)
                    first = records[0][0]
                    tasks = [
                        t for t in tasks if (t[0].dataset, t[0].block) != (first["dataset"], first["block"])
                    ]
                return
            except joblib.externals.loky.process_executor.TerminatedWorkerError:
                if attempt == RETRIES:
                    raise UsageError(
                        f"Worker processes were killed {RETRIES + 1} times (memory may be short).",
                        "Finished rows are kept: run again with --jobs 1.",
                    ) from None

    def _results(self, tasks: list[list[Stack]]) -> Iterator[list[list[dict[str, Any]]]]:
        jobs = min(self.jobs, len(tasks)) or 1
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        results: Iterator[list[list[dict[str, Any]]]] = parallel(
            joblib.delayed(work)(task, os.getpid()) for task in tasks
        )
        return results

    def _record(self, records: list[list[dict[str, Any]]], extra: Any) -> None:
        for rows in records:
            chosen = None if extra is None else extra[rows[0]["dataset"]]
            self.folder.write_record(rows, [identity(self.study, row["optimizer"], chosen) for row in rows])
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
        self.progress.finished(flat[0]["dataset"], flat[0]["block"], len(flat), diverged)


@functools.cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def one_thread() -> contextlib.AbstractContextManager[Any]:
    """One BLAS thread inside: two processes double the speed, two threads do not."""
    limit: contextlib.AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@functools.cache
def _watch(parent: int) -> None:
    """End this worker when its coordinator is gone: SIGKILL on the parent leaves orphans otherwise."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def work(task: list[Stack], coordinator: int) -> list[list[dict[str, Any]]]:
    """Train the stacks of one block."""
    if os.getpid() != coordinator:
        _watch(os.getppid())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
    with one_thread():
        return [train_stack(stack) for stack in task]


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM stop a run like Ctrl-C: workers end, nothing recorded is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _compare(
    folder: RunFolder, study: Study, rows: pd.DataFrame, curves: pd.DataFrame, workers: _Workers
) -> None:
    optimizers, names = list(study.optimizers), list(study.datasets)
    loaded = {name: datasets.load(name) for name in names}
    tasks = {name: loaded[name].task for name in names}
    floors = {n: 1 / (2 * d.n_test) if d.n_classes else 1e-6 for n, d in loaded.items()}
    read = readings.search_readings(rows)
    lowest = readings.envelopes(rows, curves)
    ratios = readings.log_ratios(lowest, optimizers)
    both = [compare.error_scores(read, optimizers, names), compare.ratio_scores(ratios, optimizers, names)]
    calls = [compare.comparisons(scores, tasks, study.seed) for scores in both]
    placed = pd.concat([compare.ranking(s, c, optimizers) for s, c in zip(both, calls, strict=True)])
    every = pd.concat(calls)
    made = compare.picks(rows, placed, names)
    confirmed = _confirm(folder, study, made, workers)
    picked = compare.picks_table(made, read, every, confirmed)
    tables = {
        "rows": rows,
        "curves": curves,
        "envelopes": lowest,
        "readings": read,
        "ratios": ratios,
        "comparisons": every,
        "ranking": placed,
        "forest": compare.forest(read, placed, floors),
        "best_of_k": compare.best_of_k(rows),
        "learning_rates": compare.learning_rates(rows, floors),
        "tuning": compare.tuning(read),
        "decay": compare.decay(read, optimizers, names, study.seed),
        "picks": picked,
        "confirmations": confirmed,
        "baselines": baselines(study),
        "audit": audit(rows, curves, every, picked),
        "optimizers": _optimizers(study),
        "datasets": _datasets(study),
        "timings": folder.timings(),
    }
    for name, table in tables.items():
        folder.write_table(name, table)


def _confirm(folder: RunFolder, study: Study, made: list[Any], workers: _Workers) -> pd.DataFrame:
    """Train the picks that are not yet confirmed in fresh blocks, and read all of them back."""
    extra = {one.dataset: [one.batch_size, one.decay, one.settings] for one in made}
    wanted = [row for one in made for row in one.rows(max(20, study.blocks))]
    keys = [(*row.key, identity(study, row.optimizer, extra[row.dataset])) for row in wanted]
    have = folder.identities()
    workers.train([row for row, key in zip(wanted, keys, strict=True) if key not in have], extra)
    rows, curves = folder.read_records(keys)
    last = curves.groupby(["dataset", "block"])[["examples", "step"]].max().rename(columns={"step": "steps"})
    return rows.merge(last, on=["dataset", "block"])


def _optimizers(study: Study) -> pd.DataFrame:
    lines = []
    for i, name in enumerate(study.optimizers):
        kind = dlopt.OPTIMIZERS[name]
        searched = {f.trial_name(n): f.search for n, f in fields.searched(kind).items()}
        defaults = {n: getattr(kind(), n) for n in fields.declared(kind)}
        summary = (kind.__doc__ or "").strip().splitlines()[0]
        lines.append((i, name, kind.__name__, summary, json.dumps(defaults), json.dumps(searched)))
    return pd.DataFrame(lines, columns=["position", "optimizer", "title", "summary", "defaults", "search"])


def _datasets(study: Study) -> pd.DataFrame:
    lines = []
    for i, name in enumerate(study.datasets):
        dataset = datasets.load(name)
        plan = budget(dataset, study.epochs)
        model = dlopt.MLP(*plan.widths)
        layers = model.layers(dataset.X.shape[1], dataset.n_classes or 1)
        lines.append(
            {
                "position": i,
                "dataset": name,
                "task": dataset.task,
                "rows": len(dataset.X),
                "features": dataset.X.shape[1],
                "classes": dataset.n_classes,
                "training_rows": dataset.n_train,
                "test_rows": dataset.n_test,
                "epochs": plan.epochs,
                "batch_sizes": ",".join(map(str, plan.batch_sizes)),
                "model": repr(model),
                "parameters": layers[-1].slice.stop,
                "sha256": dataset.digest,
            }
        )
    return pd.DataFrame(lines)
