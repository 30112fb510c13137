"""Where a search's settings come from: Optuna's samplers, and the same draws again on demand."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc

import dlopt
from datasets.split import seed_of
from dlopt import hyperparameters
from studies.errors import UsageError
from studies.question.arm import Arm
from studies.question.plan import Plan
from studies.training.rows import Row

INDEPENDENT = ("random", "qmc")  # draws that look at no result


def settings_of(optimizer: dlopt.Optimizer) -> tuple[tuple[str, float], ...]:
    """All hyperparameters of one trial, its schedule's last."""
    parts = (optimizer, optimizer.schedule)
    return tuple(
        (name, getattr(part, name)) for part in parts for name in hyperparameters.declared(type(part))
    )


def size_and_decay(draw: int, block: int, sizes: int, decays: int = 2) -> tuple[int, int]:
    """Which of the batch sizes and of the decays draw j of block b gets: an even spread over both."""
    size = (draw + block) % sizes
    return size, (draw // sizes + block + size) % decays


class Search:
    """One arm's search in one block of a dataset: `ask` for a draw, `tell` what it reached.

    Batch size and decay are enqueued. All else comes from the arm's sampler, seeded by (seed, dataset,
    arm, block): fresh draws everywhere, and none that another arm's presence could change.
    """

    def __init__(self, plan: Plan, dataset: str, arm: Arm, block: int) -> None:
        import optuna  # here, since workers never draw and its import takes a second

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.dataset, self.arm, self.block = dataset, arm, block
        self.epochs, self.sizes = plan.budgets[dataset].epochs, plan.sizes(dataset, arm)
        draws, seed = plan.study.draws, seed_of(plan.study.seed, dataset, arm.name, block)
        self.optuna = optuna.create_study(sampler=_sampler(arm.sampler, seed, draws))
        self.points = _sobol(draws, seed) if arm.sampler == "qmc" else None
        self.asked: list[Any] = []

    def ask(self) -> Row:
        """The next draw."""
        draw, decays = len(self.asked), self.arm.decays()
        size, decay = size_and_decay(draw, self.block, len(self.sizes), len(decays))
        given = {"batch_size": self.sizes[size], "decay": decays[decay]}
        self.optuna.enqueue_trial(given | self._point(draw, decays[decay]))
        trial = self.optuna.ask()
        batch_size = trial.suggest_categorical("batch_size", self.sizes)
        word = str(trial.suggest_categorical("decay", decays))
        schedule = dlopt.SCHEDULES.get(word)
        fixed = dict(self.arm.fixed) | (schedule.budget(self.epochs) if schedule else {})
        ranges = {name: ends for name, (_, ends) in self.arm.ranges(word).items()}
        made = dlopt.suggest(trial, self.arm.kind, schedule=schedule, search=ranges, **fixed)
        if {"batch_size": batch_size, "decay": word} != given:
            raise RuntimeError(f"Optuna ignored what was enqueued for draw {draw}: {trial.params}.")
        self.asked.append(trial)
        return self._row("search", draw, batch_size, word, settings_of(made))

    def tell(self, value: float) -> None:
        """What the last draw reached: its best validation loss, inf if it diverged."""
        self.optuna.tell(self.asked[-1], value)

    def untuned(self) -> Row:
        """The defaults, without decay, at the middle batch size."""
        middle = self.sizes[(len(self.sizes) - 1) // 2]
        return self._row("untuned", 0, middle, "none", settings_of(self.arm.kind(**dict(self.arm.fixed))))

    def _row(self, kind: str, draw: int, batch_size: int, decay: str, settings: Any) -> Row:
        arm = self.arm
        return Row(self.dataset, self.block, arm.name, kind, draw, batch_size, decay, settings, arm.uses)

    def _point(self, draw: int, decay: str) -> dict[str, float]:
        if self.points is None:
            return {}
        point = {}
        for share, (name, (field, ends)) in zip(
            self.points[draw], self.arm.ranges(decay).items(), strict=False
        ):
            low, high = np.log(ends)
            value = float(np.clip(np.exp(low + share * (high - low)), *ends))
            point[field.trial_name(name)] = round(value) if field.whole else value
        return point


def searched(plan: Plan, dataset: str, arm: Arm, blocks: Sequence[int]) -> list[Row]:
    """All rows of an arm's searches in some blocks of a dataset, for draws that look at no result."""
    searches = [Search(plan, dataset, arm, block) for block in blocks]
    return [row for s in searches for row in (*(s.ask() for _ in range(plan.study.draws)), s.untuned())]


def _sobol(draws: int, seed: int) -> Any:
    dimensions = 8  # more than any arm searches; each takes the first that it needs
    rng = np.random.default_rng(seed)
    points = qmc.Sobol(dimensions, rng=rng).random_base2((draws - 1).bit_length())
    return rng.permutation(points[:draws])  # or the turns of the batch sizes would part the range of lr


def check_sampler(name: str) -> None:
    """Raise UsageError for a sampler that this environment lacks."""
    if name == "gp" and importlib.util.find_spec("torch") is None:
        raise UsageError(
            "The GP sampler of Optuna needs PyTorch, which is not installed.",
            "Install torch, or choose random, qmc or tpe.",
        )


def _sampler(name: str, seed: int, draws: int) -> Any:
    import optuna

    check_sampler(name)
    if name in INDEPENDENT:
        return optuna.samplers.RandomSampler(seed)
    if name == "tpe":
        # a third of the draws to look around: Optuna's own 10 would leave 6 of 16 to the sampler
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(2, draws // 3), constant_liar=False)
    return optuna.samplers.GPSampler(  # 1-γ, which only some draws have, it draws at random
        seed=seed, n_startup_trials=max(2, draws // 3), warn_independent_sampling=False
    )
