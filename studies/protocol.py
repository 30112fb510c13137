"""The fair protocol: budgets, draws, stacks of rows, winners and the pick.

A block is shared by all optimizers; each gets the same number of fresh draws in it, spread evenly over
batch sizes and decay.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import datasets
import dlopt
from datasets.split import seed_of
from dlopt import fields
from studies.errors import UsageError, nearest, whole_number
from studies.readings import ranked

RESULTS_VERSION = 1  # grows with every change that moves a number
CONFIRMING = 1_000_000  # confirming blocks are numbered from here, so they never become search blocks
DECAYS = ("none", "exponential")
KEY = ("dataset", "block", "optimizer", "kind", "draw")


@dataclasses.dataclass(frozen=True)
class Study:
    """A question: which optimizers on which datasets, repeated in how many blocks with how many draws.

    blocks: >= 1, each its own split, initial weights and mini-batch order. draws: >= 2, hyperparameter
    settings that each optimizer tries in each block. epochs: None for the budget's rule. seed: of
    everything. Raises UsageError for an unknown name or a number out of range.
    """

    name: str
    optimizers: tuple[str, ...]
    datasets: tuple[str, ...]
    blocks: int = 20
    draws: int = 16
    epochs: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for kind, known in (("optimizers", list(dlopt.OPTIMIZERS)), ("datasets", datasets.names())):
            chosen = tuple(dict.fromkeys(getattr(self, kind)))
            if not chosen:
                raise UsageError(f"The list of {kind} is empty.", f"Choose from: {', '.join(known)}.")
            for name in chosen:
                if name not in known:
                    raise UsageError(f"There is no {kind[:-1]} {name!r}.", nearest(name, known))
            object.__setattr__(self, kind, chosen)
        for name in self.datasets:
            try:
                datasets.load(name)
            except ValueError as error:
                raise UsageError(*str(error).split("\n", 1)) from None
        whole_number("blocks", self.blocks, 1)
        whole_number("draws (--trials)", self.draws, 2)
        whole_number("seed", self.seed, 0)
        if self.epochs is not None:
            whole_number("epochs", self.epochs, 1)


class Budget(NamedTuple):
    """What every training on a dataset gets."""

    epochs: int
    batch_sizes: tuple[int, ...]
    widths: tuple[int, ...]


def budget(dataset: datasets.Dataset, epochs: int | None = None) -> Budget:
    """The rule: about 40,000 examples, at least 10 and at most 200 epochs, the same for every optimizer.

    Batch sizes are the powers of two from 64 to 512 below the training rows, the full batch where there
    is none; the network has one hidden layer, 64 wide from 64 features on, else 32.
    """
    n = dataset.n_train
    batch_sizes = tuple(size for size in (64, 128, 256, 512) if size < n) or (n,)
    widths = (64 if dataset.X.shape[1] >= 64 else 32,)
    return Budget(epochs or min(max(math.ceil(40_000 / n), 10), 200), batch_sizes, widths)


class Row(NamedTuple):
    """One training that is wanted. settings: hyperparameters by field name, the schedule's with them."""

    dataset: str
    block: int
    optimizer: str
    kind: str  # "search", "untuned" or "confirm"
    draw: int
    batch_size: int
    decay: str
    settings: tuple[tuple[str, float], ...]

    @property
    def key(self) -> tuple[str, int, str, str, int]:
        """What identifies it within a run."""
        return self[:5]

    def make(self) -> dlopt.Optimizer:
        """The optimizer that trains it."""
        settings: dict[str, Any] = dict(self.settings)
        if self.decay != "none":
            schedule = dlopt.SCHEDULES[self.decay]
            chosen = {name: settings.pop(name) for name in fields.declared(schedule)}
            settings["schedule"] = schedule(**chosen)
        made: dlopt.Optimizer = dlopt.OPTIMIZERS[self.optimizer](**settings)
        return made


def settings_of(optimizer: dlopt.Optimizer) -> tuple[tuple[str, float], ...]:
    """All hyperparameters of one trial, its schedule's last."""
    parts = (optimizer, optimizer.schedule)
    return tuple((name, getattr(part, name)) for part in parts for name in fields.declared(type(part)))


def size_and_decay(draw: int, block: int, sizes: int) -> tuple[int, str]:
    """Which of the batch sizes, and whether decay, draw j of block b gets: an even spread over both."""
    size = (draw + block) % sizes
    return size, DECAYS[(draw // sizes + block + size) % 2]


def search_rows(study: Study, dataset: str, optimizer: str, block: int) -> list[Row]:
    """The draws of one optimizer in one block, and its untuned row: its defaults at the middle batch size.

    Batch size and decay are enqueued, all else comes from Optuna's RandomSampler, seeded by (seed,
    dataset, optimizer, block): fresh draws everywhere, the same again on demand.
    """
    import optuna  # here, since workers never draw and its import takes a second

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sizes = budget(datasets.load(dataset), study.epochs).batch_sizes
    kind = dlopt.OPTIMIZERS[optimizer]
    sampler = optuna.samplers.RandomSampler(seed_of(study.seed, dataset, optimizer, block))
    throwaway = optuna.create_study(sampler=sampler)
    rows = []
    for draw in range(study.draws):
        size, decay = size_and_decay(draw, block, len(sizes))
        throwaway.enqueue_trial({"batch_size": sizes[size], "decay": decay})
        trial = throwaway.ask()
        batch_size = trial.suggest_categorical("batch_size", sizes)
        schedule = dlopt.SCHEDULES.get(str(trial.suggest_categorical("decay", DECAYS)))
        drawn = dlopt.suggest(trial, kind, schedule=schedule)
        if batch_size != sizes[size] or trial.params["decay"] != decay:
            raise RuntimeError(f"Optuna ignored what was enqueued for draw {draw}: {trial.params}.")
        rows.append(Row(dataset, block, optimizer, "search", draw, batch_size, decay, settings_of(drawn)))
    middle = sizes[(len(sizes) - 1) // 2]
    rows.append(Row(dataset, block, optimizer, "untuned", 0, middle, "none", settings_of(kind())))
    return rows


def wanted_keys(study: Study) -> list[tuple[str, int, str, str, int]]:
    """The keys of all rows of a study: each search, and each untuned row."""
    return [
        (dataset, block, optimizer, kind, draw)
        for dataset in study.datasets
        for block in range(study.blocks)
        for optimizer in study.optimizers
        for kind, draw in [*(("search", draw) for draw in range(study.draws)), ("untuned", 0)]
    ]


def wanted_rows(study: Study, keys: Iterable[tuple[str, int, str, str, int]] | None = None) -> list[Row]:
    """The rows with these keys, or all of them, drawn anew: the same draws every time."""
    chosen = wanted_keys(study) if keys is None else list(keys)
    searches, asked = dict.fromkeys(key[:3] for key in chosen), set(chosen)
    return [
        row
        for dataset, block, optimizer in searches
        for row in search_rows(study, dataset, optimizer, block)
        if row.key in asked
    ]


class Stack(NamedTuple):
    """The rows of one (dataset, block, batch size) that train together: the unit of computing."""

    dataset: str
    block: int
    batch_size: int
    epochs: int
    widths: tuple[int, ...]
    seed: int
    rows: tuple[Row, ...]


def stacks(study: Study, rows: Iterable[Row]) -> list[list[Stack]]:
    """The rows as stacks, grouped by (dataset, block): one group is one task for a worker."""
    grouped: dict[tuple[str, int], dict[int, list[Row]]] = {}
    for row in rows:
        grouped.setdefault((row.dataset, row.block), {}).setdefault(row.batch_size, []).append(row)
    tasks = []
    for (dataset, block), by_size in grouped.items():
        plan = budget(datasets.load(dataset), study.epochs)
        tasks.append(
            [
                Stack(dataset, block, size, plan.epochs, plan.widths, study.seed, tuple(by_size[size]))
                for size in sorted(by_size)
            ]
        )
    return tasks


def cost(stack: Stack) -> float:
    """Roughly how long a stack takes, in units of its own: for the time that is left."""
    dataset = datasets.load(stack.dataset)
    steps = stack.epochs * math.ceil(dataset.n_train / stack.batch_size)
    parameters = stack.widths[0] * (dataset.X.shape[1] + max(dataset.n_classes, 1))
    return float(steps * len(stack.rows) * (stack.batch_size * parameters / 1e5 + 3))


@functools.lru_cache(maxsize=4)
def _block(dataset: str, block: int, seed: int) -> datasets.Block:
    return datasets.load(dataset).block(block, seed=seed)


def train_stack(stack: Stack) -> list[dict[str, Any]]:
    """Train a stack: one record per row, with its curve. A pure function, run in a worker."""
    block = _block(stack.dataset, stack.block, stack.seed)
    started = time.perf_counter()
    training = dlopt.train(
        dlopt.MLP(*stack.widths),
        block,
        [row.make() for row in stack.rows],
        batch_size=stack.batch_size,
        epochs=stack.epochs,
    )
    seconds = time.perf_counter() - started
    curves = training.curves
    examples = dict(zip(curves.steps.tolist(), curves.examples.tolist(), strict=True))
    return [
        {
            **dict(zip(KEY, row.key, strict=True)),
            "batch_size": row.batch_size,
            "decay": row.decay,
            "settings": json.dumps(dict(row.settings)),
            "lr": dict(row.settings)["lr"],
            "status": training.status[i],
            "diverged_step": int(training.diverged_step[i]),
            "best_validation_loss": float(training.best_validation_losses[i]),
            "best_validation_error": float(training.best_validation_errors[i]),
            "best_examples": examples[int(training.best_step[i])],
            "best_step": int(training.best_step[i]),
            "test_loss": float(training.test_losses[i]),
            "test_error": float(training.test_errors[i]),
            "curve": {
                "examples": curves.examples,
                "step": curves.steps,
                "validation_loss": curves.validation_loss[:, i],
                "validation_error": curves.validation_error[:, i],
                "training_loss": curves.training_loss[:, i],
            },
            "seconds": seconds,
        }
        for i, row in enumerate(stack.rows)
    ]


def winners(rows: pd.DataFrame) -> pd.DataFrame:
    """The row with the lowest best validation loss of every search, ties by draw number."""
    best_first = ranked(rows[rows.kind == "search"])
    return best_first.drop_duplicates(["dataset", "block", "optimizer"]).sort_values(list(KEY))


class Pick(NamedTuple):
    """One setting for a dataset, made of the winners of its best optimizer."""

    dataset: str
    optimizer: str
    batch_size: int
    decay: str
    settings: dict[str, float]
    quartiles: dict[str, tuple[float, float]]
    winners: int

    def rows(self, blocks: int) -> Iterator[Row]:
        """The fresh blocks that confirm it."""
        for block in range(CONFIRMING, CONFIRMING + blocks):
            settings = tuple(self.settings.items())
            yield Row(
                self.dataset, block, self.optimizer, "confirm", 0, self.batch_size, self.decay, settings
            )


def pick(dataset: str, optimizer: str, won: pd.DataFrame) -> Pick:
    """The setting that the winners of one optimizer on one dataset point to.

    Batch size: the most frequent, the smaller on a tie. Decay: exponential if more than half of the
    winners at that size have it. The rest: medians on the log scale of the winners at that size.
    """
    counts = won.batch_size.value_counts()
    batch_size = int(counts[counts == counts.max()].index.min())
    won = won[won.batch_size == batch_size]
    decay = "exponential" if (won.decay == "exponential").mean() > 0.5 else "none"
    kinds: list[Any] = [dlopt.OPTIMIZERS[optimizer]]
    relevant = dict.fromkeys(fields.declared(kinds[0]), won)
    if decay != "none":
        kinds.append(dlopt.SCHEDULES[decay])
        relevant |= dict.fromkeys(fields.declared(kinds[1]), won[won.decay == decay])
    settings: dict[str, float] = {}
    quartiles: dict[str, tuple[float, float]] = {}
    for kind in kinds:
        for name, field in fields.declared(kind).items():
            values = np.array([json.loads(text)[name] for text in relevant[name].settings])
            if field.search is None:
                settings[name] = float(values[0])
                continue
            logs = np.log(1 - values if field.complement else values)
            low, middle, high = np.quantile(logs, (0.25, 0.5, 0.75))
            settings[name] = field.from_trial(float(np.exp(middle)))
            ends = [field.from_trial(float(np.exp(end))) for end in (low, high)]
            quartiles[name] = (min(ends), max(ends))
    return Pick(dataset, optimizer, batch_size, decay, settings, quartiles, len(won))
