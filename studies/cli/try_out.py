"""One training, or a walk on a surface, with its curves on the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import datasets
import dlopt
from dlopt.grid import geometric
from studies.cli import ascii_surface
from studies.cli.listing import document
from studies.cli.show import _records
from studies.errors import UsageError, nearest, reworded, whole_number
from studies.question.plan import planned
from studies.question.study import Study
from studies.system.machine import one_thread

WALK = 2_000  # steps on a surface


def try_out(
    dataset: str, optimizers: tuple[str, ...] | None, epochs: int | None, seed: int, *, as_json: bool
) -> Any:
    """Train each optimizer once with its defaults, and give the curves of validation loss.

    On a surface: let each walk, and give the heights.
    """
    chosen = dlopt.DEFAULT if optimizers is None else optimizers
    if dataset in dlopt.SURFACES:
        return _walk(dataset, chosen, WALK if epochs is None else epochs, seed, as_json=as_json)
    known = [*datasets.names(), *dlopt.SURFACES]
    if dataset not in known:
        raise UsageError(f"There is no dataset or surface {dataset!r}.", nearest(dataset, known))
    study = Study("try", chosen, (dataset,), blocks=1, draws=2, epochs=epochs, seed=seed)
    plan = planned(study.found())
    data, given, study = plan.facts[dataset].data, plan.budgets[dataset], plan.study
    names = [arm.name for arm in study.arms]
    made = [arm.kind() for arm in study.arms]
    how: dict[str, Any] = {"batch_size": given.batch_sizes[0], "epochs": given.epochs}
    try:
        with one_thread():
            training = dlopt.train(given.model, data.block(0, seed=seed), made, **how)
    except ValueError as error:  # optimizers whose steps take different numbers of gradients
        raise reworded(error) from None
    curves = pd.DataFrame(training.curves.validation_loss, columns=names)
    curves.insert(0, "examples", training.curves.examples)
    errors = dict(zip(names, training.test_errors.tolist(), strict=True))
    if as_json:
        return document(dataset=dataset, test_error=errors, curves=_records(curves))
    few = curves.iloc[np.unique(np.linspace(0, len(curves) - 1, 12).round().astype(int))]
    best = "; ".join(f"{name} {error:.4f}" for name, error in errors.items())
    unit = "share misclassified" if data.n_classes else "RMSE in training standard deviations"
    return (
        f"{dataset}: {given.epochs} epochs, batch size {given.batch_sizes[0]}, all at their defaults.\n"
        f"Validation loss by examples seen:\n\n{few.to_string(index=False, float_format='{:.4f}'.format)}\n\n"
        f"Test error at the best checkpoint ({unit}): {best}.\n"
        "One training each says little: `python -m studies run` repeats the whole search in blocks."
    )


def _walk(name: str, optimizers: tuple[str, ...], steps: int, seed: int, *, as_json: bool) -> Any:
    whole_number("epochs (of a surface: steps)", steps, 1, 1_000_000)
    arms = Study("try", optimizers, ("wine",)).found().arms  # which names the unknown ones
    ground = dlopt.SURFACES[name]()
    walk = dlopt.descend(ground, [arm.kind() for arm in arms], steps=steps, seed=seed)
    heights = pd.DataFrame(walk.values, columns=[arm.name for arm in arms])
    heights.insert(0, "step", range(steps + 1))
    if as_json:
        return document(surface=name, heights=_records(heights))
    few = heights.iloc[np.unique(np.rint(geometric(1, steps + 1, 14)).astype(int)) - 1]
    ends = zip(heights.columns[1:], walk.params[-1], strict=True)
    ended = "; ".join(
        f"{arm} ({', '.join(f'{x:.3g}' for x in place[:3])}{'…' * (len(place) > 3)})" for arm, place in ends
    )
    return (
        f"{name}: {steps} steps, all at their defaults.\n\n"
        f"{ascii_surface.draw(ground, walk.params, [arm.name for arm in arms])}Height by step:\n\n"
        f"{few.to_string(index=False, float_format='{:.6g}'.format)}\n\nThey end at: {ended}.\n"
        "Exact, for there is no noise. Other rates: `dlopt.descend` walks with any optimizer."
    )
