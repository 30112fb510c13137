"""The named studies: one declaration each."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable

import dlopt
from studies.question.arm import FULL, SAMPLERS, Arm
from studies.question.study import Study

SCHEDULES = ("none", "exponential", "step", "inversetime", "polynomial", "cosine", "warmup")
HAS_TORCH = importlib.util.find_spec("torch") is not None  # Optuna's GP sampler needs it
FOUR = ("digits", "breast_cancer", "diabetes", "moons")
SIX = ("digits", "breast_cancer", "wine", "diabetes", "moons", "hard")
LOOKED_BACK = (0.5, 0.8, 0.9, 0.98, 0.995)  # β and ρ
TAUGHT: tuple[tuple[str, dict[str, float]], ...] = (  # what the chapter says need not be tuned
    *(("momentum", {"beta": beta}) for beta in (0.8, 0.9, 0.99)),
    ("rmsprop", {"rho": 0.9}),
    ("adam", {"beta1": 0.9}),
    ("adam", {"beta2": 0.999}),
)
SECOND = (0.9, 0.98, 0.99, 0.999, 0.9999)  # β₂


def batch_arms(optimizers: tuple[str, ...], sizes: tuple[int, ...]) -> tuple[Arm, ...]:
    """An arm for each optimizer and batch size; 0 is the full batch."""
    return tuple(
        Arm(name, name=f"{name}-batch-{size or 'full'}", batch_sizes=(size,))
        for name, size in itertools.product(optimizers, sizes)
    )


def decay_arms(optimizers: tuple[str, ...]) -> tuple[Arm, ...]:
    """An arm for each optimizer without decay and with each schedule."""
    return tuple(
        Arm(name, name=f"{name}-{kind}", decay=kind)
        for name, kind in itertools.product(optimizers, SCHEDULES)
    )


def beta_arms() -> tuple[Arm, ...]:
    """Momentum's β, RMSprop's ρ, and Adam's β₁ × β₂, each held while the rest is searched."""
    cells: list[tuple[str, dict[str, float]]] = []
    cells += [("momentum", {"beta": beta}) for beta in LOOKED_BACK]
    cells += [("rmsprop", {"rho": rho}) for rho in LOOKED_BACK]
    cells += [("adam", {"beta1": b1, "beta2": b2}) for b1, b2 in itertools.product(LOOKED_BACK, SECOND)]
    return fixed_arms(cells)


def fixed_arms(cells: Iterable[tuple[str, dict[str, float]]]) -> tuple[Arm, ...]:
    """An arm for each optimizer and what is held of it, such as momentum-beta=0.9."""
    return tuple(
        Arm(
            name, name="-".join([name, *(f"{k}={v:g}" for k, v in fixed.items())]), fixed=tuple(fixed.items())
        )
        for name, fixed in cells
    )


ALL = (
    Study(
        name="default",
        about="Which optimizer, on which dataset, tuned how?",
        optimizers=dlopt.DEFAULT,
        datasets=SIX,
    ),
    Study(
        name="quick",
        about="The same in twenty seconds: small, real, and honest about what it cannot tell.",
        optimizers=("sgd", "momentum", "adam"),
        datasets=("breast_cancer", "wine"),
        blocks=8,
        draws=4,
        fresh=8,
    ),
    Study(
        name="batch-size",
        about="Do larger batches save steps, and which size is best at equal epochs, steps or time?",
        optimizers=batch_arms(("sgd", "momentum", "adam"), (8, 16, 32, 64, 128, 256, 512, FULL)),
        datasets=("digits", "hard"),
    ),
    Study(
        name="betas",
        about="What do β, ρ, β₁ and β₂ change when the learning rate is tuned in each cell?",
        optimizers=beta_arms(),
        datasets=("digits", "breast_cancer"),
    ),
    Study(
        name="decay",
        about="Does a schedule beat a constant learning rate at equal tuning?",
        optimizers=decay_arms(("sgd", "adam")),
        datasets=SIX,
    ),
    Study(
        name="claims",
        about="Does what the course chapter says hold, claim by claim?",
        optimizers=("momentum", "rmsprop", "adam", *fixed_arms(TAUGHT)),
        datasets=("digits", "breast_cancer"),
        claims=True,
    ),
    Study(
        name="literature",
        about="What others published about tuning: do small networks on small tables agree?",
        optimizers=(*dlopt.DEFAULT, *batch_arms(("sgd", "momentum"), (16, FULL))),
        datasets=FOUR,
    ),
    Study(
        name="zoo",
        about="All optimizers that the suite has: which ones are worth a try?",
        optimizers=tuple(dlopt.OPTIMIZERS),
        datasets=FOUR,
    ),
    Study(
        name="families",
        about="Does any of Adam's many variants beat Adam?",
        optimizers=tuple(name for name, kind in dlopt.OPTIMIZERS.items() if issubclass(kind, dlopt.Adam)),
        datasets=FOUR,
        against=("adam",),
    ),
    Study(
        name="samplers",
        about="Does a cleverer sampler find better settings of Adam than random search?"
        + ("" if HAS_TORCH else " (GP is left out: it needs PyTorch, which is not installed.)"),
        optimizers=tuple(
            Arm("adam", name=f"adam-{sampler}", sampler=sampler)
            for sampler in SAMPLERS
            if sampler != "gp" or HAS_TORCH
        ),
        datasets=("digits", "breast_cancer", "diabetes"),
    ),
)

STUDIES: dict[str, Study] = {study.name: study for study in ALL}
