"""The rest of the zoo walks the paths of independent libraries, as recorded by `record/record_zoo.py`."""

import json
from pathlib import Path

import numpy as np
import pytest

import dlopt
from dlopt import wrappers
from dlopt.hyperparameters import declared
from dlopt.interfaces import Layer

RECORD = json.loads((Path(__file__).parents[1] / "record" / "zoo.json").read_text())
CASES = RECORD["cases"]
STEPS = np.array(RECORD["recorded_steps"]) - 1
BUILT_IN = {kind.__name__: kind for kind in dlopt.OPTIMIZERS.values()}
RECORDED = {case["optimizer"] for case in CASES}
NEW = [name for name in BUILT_IN if name in RECORDED and name.lower() not in dlopt.DEFAULT]


def kind_of(case):
    if (name := case["optimizer"]) in BUILT_IN:
        return BUILT_IN[name]
    return getattr(wrappers, case["wraps"])(BUILT_IN[case["of"]])


def how(case):
    """Start, layers and the gradient of each step."""
    wide = len(case["path"][0])
    start = np.array(RECORD["start"] if wide == 4 else RECORD["layered_start"])
    layout = case.get("layout", RECORD["layout"]) if wide > 4 else []
    layers = [Layer(name, slice(first, last), (rows, columns)) for name, first, last, rows, columns in layout]
    if bowl := case.get("quadratic"):
        curvature, center = np.array(bowl["curvature"]), np.array(bowl["center"])
        return start, layers, [lambda w: curvature * (w - center)] * (STEPS[-1] + 1)
    steps = np.array(RECORD["gradients"][case["gradients"]])
    return start, layers, [lambda w, g=g: np.broadcast_to(g, w.shape) for g in steps]


def walk(optimizer, start, layers, slopes):
    """After every step: the parameters, and what is evaluated."""
    params, state, path, read = start, None, [], []
    for slope in slopes:
        params, state = optimizer.step(params, slope(params), state, layers=layers, again=slope)
        path.append(params)
        read.append(optimizer.seen(params, state))
    return np.array(path), np.array(read)


def off(found, expected):
    return float(np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected))))


def test_what_another_library_has_too_has_a_recorded_path():
    spelled = {
        name for name, kind in BUILT_IN.items() if {"torch", "optax"} & set(vars(kind).get("equivalents", {}))
    }
    assert spelled - {dlopt.OPTIMIZERS[name].__name__ for name in dlopt.DEFAULT} <= set(NEW)
    assert len(NEW) >= 44


@pytest.mark.parametrize("name", NEW)
def test_every_hyperparameter_leaves_its_default_in_some_case(name):
    settings = [case["hyperparameters"] for case in CASES if case["optimizer"] == name]
    default = BUILT_IN[name]()
    for field in declared(BUILT_IN[name]):
        assert any(one[field] != getattr(default, field) for one in settings), field


def test_what_is_evaluated_is_not_what_moves():
    apart = {case["optimizer"] for case in CASES if "evaluated" in case and case["evaluated"] != case["path"]}
    assert apart >= {
        name for name, kind in BUILT_IN.items() if kind.evaluated is not dlopt.Optimizer.evaluated
    }


@pytest.mark.parametrize("name", NEW)
def test_rows_of_a_stack_walk_the_single_paths_bit_for_bit(name):
    mine = [case for case in CASES if case["optimizer"] == name]
    start, layers, slopes = how(mine[0])
    cases = [one for one in mine if all(one.get(k) == mine[0].get(k) for k in ("layout", "quadratic"))]
    columns = {f: [one["hyperparameters"][f] for one in cases] for f in declared(BUILT_IN[name])}
    stack = np.tile(start, (len(cases), 1))
    together = walk(BUILT_IN[name](**columns), stack, layers, slopes)
    for row, case in enumerate(cases):
        alone = walk(BUILT_IN[name](**case["hyperparameters"]), start, layers, slopes)
        for one, all_rows in zip(alone, together, strict=True):
            np.testing.assert_array_equal(all_rows[:, row], one, err_msg=case["call"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['optimizer']}: {case['call'][:60]}")
def test_path_is_that_of_the_library(case):
    path, read = walk(kind_of(case)(**case["hyperparameters"]), *how(case))
    assert off(path[STEPS], np.array(case["path"])) <= 2e-12
    if "evaluated" in case:
        assert off(read[STEPS], np.array(case["evaluated"])) <= 2e-12
