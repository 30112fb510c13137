"""The pool of a calibration: many draws of every arm in the same blocks, kept as arrays to resample from."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import datasets
import dlopt
from dlopt.average import Floats, debias, ewa
from dlopt.optimizer import State
from dlopt.training import record_steps
from studies.question.arm import Arm
from studies.question.engine import AUTO, bytes_of
from studies.question.identity import RESULTS_VERSION
from studies.question.plan import Plan, planned
from studies.question.study import Study
from studies.system.files import write_atomically
from studies.training.draws import Search, searched
from studies.training.rows import Row
from studies.training.stacks import stacks, train_stacks

VERSION = 1  # of the arrays and of the planted faults: grows with every change of them
USUAL = "usual"  # the arm of the usual design: the same settings in all blocks


class OffByOne(dlopt.Adam):
    """Adam whose corrections count one step too many: a fault to be found."""

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return Adam's step, corrected by 1-βᵗ⁺¹."""
        beta1: Any = self.beta1  # what is inherited mypy takes for what is given
        beta2: Any = self.beta2
        mean = debias(ewa(state.mean, grad, beta1), beta1, state.t + 1)
        square = debias(ewa(state.square, grad * grad, beta2), beta2, state.t + 1)
        return lr * mean / (np.sqrt(square) + self.eps)


class Forgetful(dlopt.RMSprop):
    """RMSprop as the chapter's snippet computes it: the average starts at 0 in every step. A fault."""

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of (1-ρ)·its square."""
        state.square[:] = 0
        return super().update(grad, state, lr)


FAULTS: dict[str, type[dlopt.Optimizer]] = {"off-by-one": OffByOne, "forgetful": Forgetful}


class Faulty(Row):
    """A row whose optimizer has the planted fault that its arm is named after."""

    def make(self) -> dlopt.Optimizer:
        """The optimizer that trains it."""
        sound = super().make()
        own = {field.name: getattr(sound, field.name) for field in dataclasses.fields(sound)}
        return FAULTS[self.optimizer](**own)


@dataclasses.dataclass(frozen=True)
class Pool:
    """Which arms are trained on a dataset, in how many blocks, with how many draws each.

    arms: (name, optimizer, share of the epochs); one named after a fault has it. settings: how many the
    usual design chooses from, all in every block; 0 for none. widths: of the network, None for the rule.
    """

    dataset: str
    arms: tuple[tuple[str, str, float], ...]
    blocks: int = 36
    draws: int = 400
    settings: int = 0
    widths: tuple[int, ...] | None = None
    epochs: int | None = None  # for tests

    def plan(self, optimizer: str, draws: int, share: float = 1.0) -> Plan:
        """What the arm's rows are those of."""
        whole = planned(
            Study("pool", (optimizer,), (self.dataset,), self.blocks, epochs=self.epochs, widths=self.widths)
        )
        epochs = max(1, round(share * whole.budgets[self.dataset].epochs))
        return planned(dataclasses.replace(whole.study, draws=draws, epochs=epochs), whole)

    def rows(self, block: int) -> Iterator[tuple[Plan, list[Row]]]:
        """All rows of a block, with the plan that each list belongs to."""
        for name, optimizer, share in self.arms:
            plan = self.plan(optimizer, self.draws, share)
            drawn = searched(plan, self.dataset, Arm(optimizer, name=name), [block])
            made = [Faulty(*row) if name in FAULTS else row for row in drawn if row.kind == "search"]
            yield plan, made
        if self.settings:
            plan = self.plan("adam", self.settings)
            search = Search(plan, self.dataset, Arm("adam", name=USUAL), 0)
            yield plan, [search.ask()._replace(block=block) for _ in range(self.settings)]

    def file(self, folder: Path, block: int) -> Path:
        """Where a block's arrays are: named after all that determines them."""
        declared = [Arm(optimizer).declared() for _, optimizer, _ in self.arms]
        versions = [VERSION, RESULTS_VERSION, bytes_of(AUTO)]
        parts = [dataclasses.asdict(self), declared, versions, datasets.load(self.dataset).digest]
        text = json.dumps(parts, sort_keys=True)
        return folder / f"{self.dataset}-{hashlib.sha256(text.encode()).hexdigest()[:12]}-{block}.npz"


def train_block(pool: Pool, block: int, path: Path) -> None:
    """Train all rows of a block of a pool and keep them as arrays, one set for each arm."""
    arrays: dict[str, Any] = {}
    together: dict[int | None, tuple[Plan, list[Row]]] = {}
    for plan, rows in pool.rows(block):
        together.setdefault(plan.study.epochs, (plan, []))[1].extend(rows)
    found: dict[str, list[dict[str, Any]]] = {}
    for plan, rows in together.values():
        for task in stacks(plan, rows):
            for records in train_stacks(task):
                for record in records:
                    found.setdefault(record["optimizer"], []).append(record)
    for name, records in found.items():
        records.sort(key=lambda record: record["draw"])
        arrays |= {f"{name}/{key}": value for key, value in _arrays(records).items()}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_atomically(path, content.getvalue())


def _arrays(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """best, error, lr: (n,); size, decay: which of them, (n,); examples: (U,); loss: best so far, (n, U).

    A row's loss at x examples is that of its last record at or before x; inf after a divergence, but for
    the start, which all share.
    """
    sizes = sorted({record["batch_size"] for record in records})
    examples = np.unique(np.concatenate([record["curve"]["examples"] for record in records]))
    losses = []
    for record in records:
        curve = record["curve"]
        last = np.searchsorted(curve["examples"], examples, side="right") - 1
        loss = np.fmin.accumulate(curve["validation_loss"])[last]
        losses.append(loss if record["status"] == "ok" else np.where(examples == 0, loss[0], np.inf))
    return {
        "best": np.array([record["best_validation_loss"] for record in records]),
        "error": np.array([record["test_error"] for record in records]),
        "lr": np.array([record["lr"] for record in records]),
        "size": np.array([sizes.index(record["batch_size"]) for record in records]),
        "decay": np.array([record["decay"] != "none" for record in records]),
        "examples": examples,
        "loss": np.array(losses, np.float32),
    }


def recorded(examples: NDArray[np.int64], plan: Plan) -> NDArray[np.bool_]:
    """Which of the positions are records of each batch size, (sizes, U)."""
    (name,) = plan.facts
    given, n = plan.budgets[name], plan.facts[name].n_train
    own = [record_steps(n, size, given.epochs)[1] for size in given.batch_sizes]
    return np.array([np.isin(examples, positions) for positions in own])


def load(pool: Pool, folder: Path) -> dict[str, dict[str, Any]]:
    """The arrays of a trained pool by arm, blocks first: "best" (B, n), "loss" (B, n, U), …

    And "recorded", see above.
    """
    blocks = [np.load(pool.file(folder, block)) for block in range(pool.blocks)]
    found: dict[str, dict[str, Any]] = {}
    for key in blocks[0].files:
        name, _, what = key.partition("/")
        whole = [block[key] for block in blocks]
        found.setdefault(name, {})[what] = whole[0] if what == "examples" else np.stack(whole)
    for name, optimizer, share in (*pool.arms, (USUAL, "adam", 1.0)):
        if name in found:
            plan = pool.plan(optimizer, pool.draws, share)
            found[name]["recorded"] = recorded(found[name]["examples"], plan)
    return found
