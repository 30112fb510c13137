"""Record the bytes of all that goes into a training, as the truth for `tests/test_inputs.py`.

Run it after one of them was meant to change: .venv/bin/python -m tests.record.record_inputs
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import datasets
import dlopt
from dlopt import hyperparameters
from studies.question.arm import Arm
from studies.question.plan import planned
from studies.training.draws import Search
from tests.support.tiny import tiny

RECORD = Path(__file__).with_name("inputs.json")
ROOT = RECORD.parents[2]
BUILT_IN = [*datasets.scikit.CLASSIFICATION, *datasets.scikit.REGRESSION]
PARTS = ("X_train", "y_train", "X_validation", "y_validation", "X_test", "y_test")


def digest(*arrays):
    """The first 16 digits of the sha256 of the bytes of some arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array))
    return found.hexdigest()[:16]


def tables():
    """Each built-in dataset, and one of one's own with holes and categories; and the parts of a block."""
    given = {name: datasets.load(name) for name in BUILT_IN}
    given["penguins"] = datasets.read(ROOT / "datasets" / "penguins.csv", target="species")
    found = {f"{name}/{part}": digest(getattr(given[name], part)) for name in BUILT_IN for part in ("X", "y")}
    for name, one in given.items():
        block = one.block(0)
        found |= {f"{name}/block 0/{part}": digest(getattr(block, part)) for part in PARTS}
    return found


def draws():
    """What each arm draws in a block, by each sampler that looks at no result, and by TPE."""
    found = {}
    for sampler in ("random", "qmc", "tpe"):
        for name in dlopt.DEFAULT:
            arm = Arm(name, sampler=sampler)
            search = Search(planned(tiny(optimizers=(arm,), draws=16)), "wine", arm, 0)
            rows = []
            for _ in range(16):
                rows.append(search.ask())
                search.tell(dict(rows[-1].settings)["lr"])
            found[f"{name}/{sampler}"] = digest(*([value for _, value in row.settings] for row in rows))
    return found


def factors():
    """Each schedule's factors in 40 epochs, for 16 trials with settings of their own."""
    found = {}
    for name, kind in dlopt.SCHEDULES.items():
        searched = hyperparameters.searched(kind)
        ends = {field: dlopt.grid.geometric(*one.search, 16) for field, one in searched.items()}
        columns = {field: list(map(searched[field].from_trial, values)) for field, values in ends.items()}
        schedule = kind(**(kind.budget(40) | columns))
        found[name] = digest(*(schedule.factor(epoch) for epoch in range(40)))
    return found


def inputs():
    """All of it, by name."""
    return {"tables": tables(), "draws": draws(), "factors": factors()}


if __name__ == "__main__":
    made = json.dumps(inputs(), indent=1) + "\n"
    sys.stdout.write(made) if "--show" in sys.argv else RECORD.write_text(made)
