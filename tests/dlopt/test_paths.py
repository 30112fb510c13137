"""The optimizers walk the paths of torch and optax, as recorded by `tests/record/record_paths.py`."""

import json
from pathlib import Path

import numpy as np
import pytest

import dlopt
from dlopt import Constant, Exponential
from dlopt.hyperparameters import declared

RECORD = json.loads((Path(__file__).parents[1] / "record" / "paths.json").read_text())
GRADIENTS = {library: np.array(sequence) for library, sequence in RECORD["gradients"].items()}
START = np.array(RECORD["start"])
STEPS = RECORD["recorded_steps"]
BUILT_IN = {dlopt.OPTIMIZERS[name].__name__: dlopt.OPTIMIZERS[name] for name in dlopt.DEFAULT}
CASES = [case for case in RECORD["cases"] if case["optimizer"] in BUILT_IN]


def schedule_of(case):
    return Constant() if case["gamma"] is None else Exponential(gamma=case["gamma"])


def build(case):
    return BUILT_IN[case["optimizer"]](**case["hyperparameters"], schedule=schedule_of(case))


def walk(optimizer, params, sequence):
    """The parameters after every step; sequence: the gradient of each step."""
    state, path = None, []
    for i, grad in enumerate(sequence):
        params, state = optimizer.step(params, grad, state, epoch=i // RECORD["steps_per_epoch"])
        path.append(params)
    return np.array(path)


SPELLED = [
    name for name, cls in BUILT_IN.items() if {"torch", "optax"} & set(vars(cls).get("equivalents", {}))
]


@pytest.mark.parametrize("name", SPELLED)
def test_what_another_library_has_too_has_a_recorded_path(name):
    assert name in {case["optimizer"] for case in CASES}


@pytest.mark.parametrize("name", SPELLED)
def test_every_hyperparameter_leaves_its_default_in_some_case(name):
    settings = [case["hyperparameters"] for case in CASES if case["optimizer"] == name]
    default = BUILT_IN[name]()
    for field in declared(BUILT_IN[name]):
        assert any(s[field] != getattr(default, field) for s in settings), field


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['optimizer']}: {case['call']}")
def test_path_is_that_of_the_library(case):
    path = walk(build(case), START, GRADIENTS[case["library"]])[np.array(STEPS) - 1]
    expected = np.array(case["path"])
    off = np.abs(path - expected) / np.maximum(1, np.abs(expected))
    assert off.max() <= 1e-12, f"after step {STEPS[off.max(axis=1).argmax()]}: {off.max():.1e}"


@pytest.mark.parametrize("name", BUILT_IN)
def test_rows_of_a_stack_walk_the_single_paths_bit_for_bit(name):
    cases = [case for case in CASES if case["optimizer"] == name]
    columns = {
        field: [case["hyperparameters"][field] for case in cases] for field in declared(BUILT_IN[name])
    }
    stack = BUILT_IN[name](**columns, schedule=[schedule_of(case) for case in cases])
    sequence = np.stack([GRADIENTS[case["library"]] for case in cases], axis=1)
    together = walk(stack, np.tile(START, (len(cases), 1)), sequence)
    for row, case in enumerate(cases):
        alone = walk(build(case), START, GRADIENTS[case["library"]])
        np.testing.assert_array_equal(together[:, row], alone, err_msg=case["call"])
