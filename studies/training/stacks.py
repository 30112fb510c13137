"""Stacks: the rows that train together, how they are cut into tasks for workers, and their training."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

import datasets
import dlopt
from dlopt.models import PANEL, workspace
from studies.question import user_optimizer
from studies.question.budget import weights
from studies.question.engine import COMPILED, chosen, in_numpy
from studies.question.plan import Facts, Plan
from studies.system import interrupts
from studies.training.rows import EARLY, KEY, Row

LARGE = 1_000_000  # numbers in the training rows of a block: 8 MB
MOST = 8  # blocks to a task: more gain nothing, and workers would wait for the last one


class Stack(NamedTuple):
    """The rows of one (dataset, block, batch size) that train together: the unit of computing."""

    dataset: Facts
    block: int
    batch_size: int
    epochs: int
    model: dlopt.MLP
    seed: int
    metric: str
    rows: tuple[Row, ...]
    engine: str = "auto"

    @property
    def builtin(self) -> bool:
        """Are its optimizers the suite's own?"""
        return all(row.uses in dlopt.OPTIMIZERS for row in self.rows)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What stacks of different blocks must share to train in one array."""
        return self._replace(block=0, rows=()), tuple(row.uses for row in self.rows)


def stacks(plan: Plan, rows: Iterable[Row]) -> list[list[Stack]]:
    """The rows as stacks, cut into tasks: all sizes of one block, or of several where they are small."""
    grouped: dict[tuple[str, int, str], dict[int, list[Row]]] = {}
    for row in rows:
        whose = "" if _ours(row.uses) else row.uses
        grouped.setdefault((row.dataset, row.block, whose), {}).setdefault(row.batch_size, []).append(row)
    alike: dict[Any, list[list[Stack]]] = {}
    for (dataset, block, _), by_size in grouped.items():
        given, study = plan.budgets[dataset], plan.study
        how = (given.epochs, given.model, study.seed, study.metric)
        engine = chosen(study.engine)
        whole = [
            Stack(plan.facts[dataset], block, size, *how, tuple(by_size[size]), engine)
            for size in sorted(by_size)
        ]
        alike.setdefault(tuple(stack.shape for stack in whole), []).append(whole)
    tasks = []
    for blocks in alike.values():
        most = max(map(together, blocks[0]))
        groups = (blocks[i : i + most] for i in range(0, len(blocks), most))
        tasks += [[stack for whole in group for stack in whole] for group in groups]
    return tasks


def _ours(uses: str) -> bool:
    """May it share a stack? What may fail fails alone, and two gradients a step make other steps."""
    return uses in dlopt.OPTIMIZERS and dlopt.OPTIMIZERS[uses].gradients == 1


def _large(data: Facts) -> bool:
    return data.n_train * data.n_features > LARGE


def together(stack: Stack) -> int:
    """How many blocks of such a stack train in one array: as many as share a core's cache, of small data."""
    dataset = stack.dataset
    layers = stack.model.layers(dataset.n_features, dataset.n_classes or 1)
    size = workspace(layers, stack.batch_size, np.dtype(np.float32)) * len(stack.rows)
    most = 1 if _large(dataset) else MOST
    return min(max(PANEL // size, 1), most)


def cost(stack: Stack) -> float:
    """Roughly how long a stack takes, in units of its own: for the time that is left."""
    dataset = stack.dataset
    steps = stack.epochs * math.ceil(dataset.n_train / stack.batch_size)
    parameters = weights(dataset, stack.model.widths)
    return float(steps * len(stack.rows) * (stack.batch_size * parameters / 1e5 + 3))


def _made(dataset: Facts, block: int, seed: int) -> datasets.Block:
    return dataset.data.block(block, seed=seed)


_some, _last = functools.lru_cache(maxsize=MOST)(_made), functools.lru_cache(maxsize=1)(_made)


def _block(stack: Stack) -> datasets.Block:
    """Its block, made once for all its batch sizes; of large ones only the last is kept."""
    kept = _last if _large(stack.dataset) else _some
    return kept(stack.dataset, stack.block, stack.seed)


class Failure(NamedTuple):
    """An optimizer of somebody's own that raised while it trained. uses: which; said: what."""

    uses: str
    said: str


def attempt(task: Sequence[Stack]) -> list[list[dict[str, Any]]] | Failure:
    """`train_stacks` of an optimizer that may raise anything, print, or never return from an update."""
    first = task[0].rows[0]
    try:
        results_only = contextlib.redirect_stdout(sys.stderr)  # stdout is for results
        with results_only, user_optimizer.limited(user_optimizer.find(first.uses)):
            return train_stacks(task)
    except BaseException as error:  # an optimizer may also exit, or interrupt
        if isinstance(error, KeyboardInterrupt) and interrupts.meant():
            raise
        where = f"{first.dataset}, block {first.block}"
        return Failure(first.uses, f"{type(error).__name__} on {where}: {error}")


def killed(task: Sequence[Stack]) -> Failure | None:
    """In place of what a task of somebody's own optimizer would have given, had it not ended its process."""
    first = task[0].rows[0]
    where = f"{first.dataset}, block {first.block}"
    return None if task[0].builtin else Failure(first.uses, f"it ended its process on {where}")


def skip(uses: str) -> Failure:
    """In place of the training of an optimizer that has failed before."""
    return Failure(uses, "it failed before")


def train_stacks(task: Sequence[Stack]) -> list[list[dict[str, Any]]]:
    """Train the stacks of a task: for each one record per row, with its curve. Pure, run in a worker.

    Stacks of several blocks that share a shape train in one array; bytes are those of each alone.
    """
    alike: dict[Any, list[int]] = {}
    for place, stack in enumerate(task):
        alike.setdefault(stack.shape, []).append(place)
    found: list[list[dict[str, Any]]] = [[]] * len(task)
    for places in alike.values():
        most = together(task[places[0]])
        for start in range(0, len(places), most):
            group = places[start : start + most]
            for place, records in zip(group, _train([task[i] for i in group]), strict=True):
                found[place] = records
    return found


def _train(group: list[Stack]) -> list[list[dict[str, Any]]]:
    blocks = [_block(stack) for stack in group]
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* runs in NumPy")  # which the page says
        trainings = dlopt.train(
            group[0].model,
            blocks,
            [[row.make() for row in stack.rows] for stack in group],
            batch_size=group[0].batch_size,
            epochs=group[0].epochs,
            early=tuple(EARLY.values()),
            progress=False,  # the run tells its own
            engine=group[0].engine,
        )
    seconds = (time.perf_counter() - started) / len(group)
    check_engine(group[0], trainings[0])
    return [
        _records(stack, training, block, seconds)
        for stack, training, block in zip(group, trainings, blocks, strict=True)
    ]


def check_engine(stack: Stack, training: dlopt.Training) -> None:
    """Raise RuntimeError where an update turned out to hang on more than what its rows' identity holds."""
    known = stack.engine != COMPILED or not training.in_numpy
    for uses in () if known else dict.fromkeys(row.uses for row in stack.rows):
        kind = user_optimizer.find(uses)
        if kind.__name__ in training.in_numpy and not in_numpy(COMPILED, kind):
            raise RuntimeError(
                f"its update is compiled by default, and here not: {training.in_numpy[kind.__name__]}"
            )


def _records(
    stack: Stack, training: dlopt.Training, block: datasets.Block, seconds: float
) -> list[dict[str, Any]]:
    curves, errors = training.curves, test_scores(stack.metric, training, block)
    early = {
        name: (one.best_validation_losses, test_scores(stack.metric, one, block))
        for name, one in zip(EARLY, training.early, strict=True)
    }
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
            "test_error": float(errors[i]),
            **{f"{name}_validation_loss": float(losses[i]) for name, (losses, _) in early.items()},
            **{f"{name}_test_error": float(scores[i]) for name, (_, scores) in early.items()},
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


def test_scores(metric: str, training: dlopt.Training, block: datasets.Block) -> Any:
    """What is read on test, (K,): the error, the cross-entropy or loss, or the mean error over classes."""
    if metric != "balanced-error":
        return training.test_losses if metric == "loss" else training.test_errors
    classes, scores = np.unique(block.y_test), []
    for row, status in enumerate(training.status):
        wrong = training.predict(block.X_test, row) != block.y_test
        shares = [wrong[block.y_test == c].mean() for c in classes]
        scores.append(1.0 if status == "diverged" else float(np.mean(shares)))
    return np.array(scores)
