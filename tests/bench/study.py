"""A whole study: ours against the scripts that a user would write, on exactly the same trainings.

The sample: of each dataset the first block, all draws and the untuned rows. Where a study trains several
blocks in one array, ours does so too, and is counted per block.
"""

from __future__ import annotations

import dataclasses
import importlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import optuna

import datasets
from studies.catalog import STUDIES
from studies.question.plan import planned
from studies.question.study import Study
from studies.training.draws import Search
from studies.training.rows import Row
from studies.training.stacks import stacks, together, train_stacks
from tests.bench.measure import DisagreementError, spread

SCRIPTS = {"script_torch": "Optuna + PyTorch", "script_sklearn": "Optuna + MLPClassifier"}
BLOCKS = 6  # of ours, where they train together
# A rate at the edge of stability makes a chaotic path whose last digits decide its end, and draws go there.
# So most rows must end within 1 % of ours, and the others are counted.
CLOSE, ENOUGH = 0.01, 0.8


class Sample(NamedTuple):
    """One block with its trainings, in plain arrays."""

    data: dict[str, np.ndarray]  # X_train ... y_test, float32 and int64
    classes: int
    start: list[np.ndarray]  # initial [W | b] of each layer
    seed: int  # of the order of the mini-batches
    epochs: int
    records: dict[int, list[int]]  # by batch size, the steps after which validation is read
    rows: list[Row]


def sample(name: str, rows: list[Row], records: list[dict[str, Any]], study: Study) -> Sample:
    """The first block of a dataset."""
    block, stack = datasets.load(name).block(0), stacks(planned(study), rows)[0][0]
    kind = np.int64 if block.n_classes else np.float32
    data = {f"X_{p}": getattr(block, f"X_{p}").astype(np.float32) for p in ("train", "validation", "test")}
    data |= {f"y_{p}": getattr(block, f"y_{p}").astype(kind) for p in ("train", "validation", "test")}
    mlp = stack.model
    layers = mlp.layers(block.X_train.shape[1], block.n_classes or 1)
    flat = mlp.start(layers, np.random.default_rng([block.seed, 0])).astype(np.float32)
    start = [flat[layer.slice].reshape(layer.shape) for layer in layers]
    steps = {record["batch_size"]: np.asarray(record["curve"]["step"]).tolist() for record in records}
    return Sample(data, block.n_classes, start, block.seed, stack.epochs, steps, rows)


def ours(study: Study) -> tuple[list[Row], list[dict[str, Any]]]:
    """Draw and train as the coordinator and a worker do: the first block's rows and records."""
    plan, rows = planned(study), []
    for block in range(study.settled().blocks or 1):
        searches = [Search(plan, study.datasets[0], arm, block) for arm in study.arms]
        rows += [search.ask() for search in searches for _ in range(study.draws)]
        rows += [search.untuned() for search in searches]
    records = [
        record for task in stacks(planned(study), rows) for stack in train_stacks(task) for record in stack
    ]
    return [row for row in rows if not row.block], [record for record in records if not record["block"]]


def scripts() -> dict[str, Any]:
    """Those whose libraries are there."""
    found = {}
    for module, title in SCRIPTS.items():
        try:
            found[title] = importlib.import_module(f"tests.bench.{module}")
        except ImportError:
            continue  # the kernel section has named what is missing
    return found


def optuna_search(task: Sample, optimizer: str, train: Any) -> dict[Any, float]:
    """The rest of the script: a study whose draws are ours; the best validation loss of each row."""
    rows = [row for row in task.rows if row.optimizer == optimizer]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for row in rows:
        study.enqueue_trial(dict(row.settings) | {"batch_size": row.batch_size, "decay": row.decay})

    def objective(trial: optuna.Trial) -> float:
        hyper = {name: trial.suggest_float(name, 1e-12, 1e3) for name, _ in rows[trial.number].settings}
        size = trial.suggest_categorical("batch_size", sorted(task.records))
        trial.suggest_categorical("decay", ["none", "exponential"])
        loss, error = train(task, optimizer, hyper, size)
        trial.set_user_attr("test_error", error)
        return loss

    study.optimize(objective, n_trials=len(rows))
    return {(r.optimizer, r.kind, r.draw): t.value for r, t in zip(rows, study.trials, strict=True)}


def section(repeats: int, *, quick: bool, say: Any) -> Iterator[dict[str, Any]]:
    """For each dataset and script its seconds per block, and ours."""
    for name in ("wine",) if quick else STUDIES["default"].datasets:
        for title, script in scripts().items():
            arms = [arm.name for arm in STUDIES["default"].arms if script.knows(arm.name, name)]
            if arms:
                draws = 2 if quick else STUDIES["default"].draws
                study = Study("bench", tuple(arms), (name,), blocks=1, draws=draws)
                yield from compare(study, title, script, repeats, say)


def compare(study: Study, title: str, script: Any, repeats: int, say: Any) -> Iterator[dict[str, Any]]:
    """One dataset and one script: ours before and after it, since it takes long."""
    name, times, theirs = study.datasets[0], [], 0.0
    rows, records = ours(study)
    task = sample(name, rows, records, study)
    blocks = BLOCKS if max(together(stack) for stack in stacks(planned(study), rows)[0]) > 1 else 1
    study = dataclasses.replace(study, blocks=blocks)
    for i in range(2 * max(1, repeats // 2)):
        if i == repeats // 2 or not theirs:
            started = time.process_time()
            found: dict[Any, float] = {}
            for arm in study.arms:
                found |= optuna_search(task, arm.name, script.train)
            theirs = time.process_time() - started
        started = time.process_time()
        ours(study)
        times.append((time.process_time() - started) / blocks)
    truth = {(r["optimizer"], r["kind"], r["draw"]): r["best_validation_loss"] for r in records}
    close = agreement(f"{title}, {name}", truth, found)
    seconds, low, high = spread(np.array(times))
    say(f"{name}, {len(rows)} rows: ours {seconds:.2f} s, {title} {theirs:.1f} s ({close:.0%} agree)")
    common = {"section": "studies", "shape": name, "rows": len(rows), "unit": "s per block"}
    yield common | {"contender": title, "library": title, "value": theirs, "agree": close}
    mine = {"contender": f"ours, for {title}", "library": "dlopt", "value": seconds, "low": low, "high": high}
    yield common | mine


def agreement(what: str, truth: dict[Any, float], found: dict[Any, float]) -> float:
    """The share of rows with close best validation losses; diverged on both sides is close.

    Raises DisagreementError where too few are.
    """
    if set(truth) != set(found):
        raise DisagreementError(f"{what}: it trained other rows than ours.")
    a, b = (np.array([side[key] for key in truth]) for side in (truth, found))
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= CLOSE * np.maximum(0.1, np.abs(a))
    share = float(np.mean(near | (np.isinf(a) & np.isinf(b))))
    if share < ENOUGH:
        raise DisagreementError(f"{what}: only {share:.0%} of the rows end where ours do.")
    return share
