"""Who ends best with less: planted so that the answer turns with the budget."""

import numpy as np
import pandas as pd
import pytest

from studies.analysis.budgets import budgets
from studies.folder.schema.tables import TABLES
from tests.support.planted import Optimizer, frame, search, study

TASKS = {"d": "classification"}


def unbeaten(table, kind, amount):
    here = table[(table.kind == kind) & (table.amount == amount) & table.unbeaten]
    return sorted(here.optimizer)


def rows_of(early, late, blocks=12):
    """Searches whose test errors are early's at a quarter and half, late's at the end."""
    rng, lines = np.random.default_rng(0), []
    for block in range(blocks):
        for name in early:
            noise = rng.uniform(0, 0.01, 8)
            found = search("d", block, name, late[name] + noise)
            for row, off in zip(found, noise, strict=True):
                then = {f"{part}_test_error": early[name] + off for part in ("quarter", "half")}
                lines.append(row | then)
    return frame("rows", lines)


def test_who_is_best_turns_with_the_epochs():
    rows = rows_of(early={"sgd": 0.5, "adam": 0.2}, late={"sgd": 0.1, "adam": 0.2})
    table = budgets(rows, ["d"], TASKS, winner=False)
    assert list(table) == list(TABLES["budgets"].columns)
    assert [unbeaten(table, "epochs", share) for share in (0.25, 0.5, 1.0)] == [["adam"], ["adam"], ["sgd"]]


def test_at_a_part_of_the_epochs_validation_chooses_as_it_stood_then():
    rows = rows_of(early={"sgd": 0.5, "adam": 0.3}, late={"sgd": 0.1, "adam": 0.3})
    sgd = (rows.optimizer == "sgd") & (rows.draw == 7)  # the last by the end's validation loss
    rows.loc[sgd, ["quarter_validation_loss", "quarter_test_error"]] = [0.001, 0.0]
    table = budgets(rows, ["d"], TASKS, winner=True)
    assert unbeaten(table, "epochs", 0.25) == ["sgd"]  # by its one draw that is best then
    assert unbeaten(table, "epochs", 0.5) == ["adam"]


def test_who_is_best_turns_with_the_draws():
    lines = []
    for block in range(12):
        lines += search("d", block, "sgd", [0.1, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6])  # needs luck
        lines += search("d", block, "adam", [0.3] * 8)
    table = budgets(frame("rows", lines), ["d"], TASKS, winner=False)
    assert sorted(table[table.kind == "draws"].amount.unique()) == [1.0, 4.0]  # of 8 draws
    assert unbeaten(table, "draws", 1.0) == ["adam"]
    few = 0.1 / 2 + 0.6 / 2  # of four draws of eight one holds the lucky one in half of all cases
    assert few > 0.3
    assert unbeaten(table, "draws", 4.0) == ["adam"]
    more = budgets(frame("rows", [*lines, *_copies(lines)]), ["d"], TASKS, winner=False)
    assert unbeaten(more, "draws", 16.0) == ["sgd"]


def _copies(lines):
    return [line | {"draw": line["draw"] + 8} for line in lines]


def test_draws_that_depend_on_each_other_are_not_taken_apart():
    rows, _ = study({"sgd": Optimizer(), "adam": Optimizer()}, "d", 6)
    table = budgets(rows, ["d"], TASKS, winner=True)
    assert set(table.kind) == {"epochs"}


@pytest.mark.parametrize("count", [1, 3])
def test_every_optimizer_stands_once_in_every_budget(count):
    names = ["sgd", "adam", "momentum"][:count]
    rows, _ = study(dict.fromkeys(names, Optimizer()), "de", 6, draws=16)
    table = budgets(rows, ["d", "e"], TASKS | {"e": "regression"}, winner=False)
    assert len(table) == 6 * count
    assert not table.duplicated(["kind", "amount", "optimizer"]).any()
    assert (table.groupby(["kind", "amount"]).place.apply(sorted) == [list(range(1, count + 1))] * 6).all()
    assert isinstance(table, pd.DataFrame)
