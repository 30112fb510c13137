"""The pick, its table and the audit on planted studies, whose answers are known."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

import dlopt
from studies.analysis import picks
from studies.analysis.audit import audit
from studies.analysis.candidates import candidates
from studies.analysis.picks import pick, winners
from studies.folder.schema.tables import TABLES
from studies.question.arm import Arm
from tests.support.planted import (
    SETTINGS,
    Optimizer,
    compared,
    frame,
    middle_coverage,
    row,
    search,
    study,
)

ARMS = {name: Arm(name) for name in dlopt.DEFAULT}


# The pick


def won(lines, optimizer="momentum"):
    """Winners, {batch_size, decay, **hyperparameters} each."""
    made = []
    for block, line in enumerate(lines):
        hyper = {k: v for k, v in line.items() if k not in ("batch_size", "decay")}
        fields = {"batch_size": line.get("batch_size", 64), "decay": line.get("decay", "none")}
        made.append(row("d", block, optimizer, 0, 0.1, 0.1, **fields) | {"settings": json.dumps(hyper)})
    return frame("rows", made)


def test_the_winner_has_the_lowest_validation_loss_with_ties_by_draw():
    lines = search("d", 0, "sgd", [0.4, 0.3, 0.2, 0.1], [2, 1, 1, 0.5], diverged=(3,))
    lines += search("d", 1, "sgd", [0.4, 0.3], diverged=(0, 1))
    lines += [row("d", 0, "sgd", 9, 0.0, 0.0, kind="untuned", decay="none")]
    found = winners(frame("rows", lines[::-1]))
    assert found[["block", "draw", "test_error"]].to_numpy().tolist() == [[0, 1, 0.3], [1, 0, 1.0]]


def test_a_winner_is_one_row_even_where_something_was_not_measured():
    lines = search("d", 0, "sgd", [0.4, 0.3])
    lines[0]["test_loss"] = math.nan
    assert math.isnan(winners(frame("rows", lines)).test_loss[0])


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [([64, 128, 128], 128), ([512, 64, 512, 64, 128], 64), ([256, 128, 512], 128)],
)
def test_batch_size_is_the_most_frequent_and_the_smaller_of_two(sizes, chosen):
    made = pick("d", "sgd", won([{"batch_size": size, "lr": 0.1} for size in sizes], "sgd"))
    assert (made.batch_size, made.winners) == (chosen, sizes.count(chosen))


@pytest.mark.parametrize(("decayed", "decay"), [(0, "none"), (2, "none"), (3, "exponential")])
def test_decay_needs_more_than_half_of_the_winners_at_that_size(decayed, decay):
    lines = [{"lr": 0.1, "decay": "exponential", "gamma": 0.9}] * decayed + [{"lr": 0.1}] * (4 - decayed)
    elsewhere = [{"lr": 0.1, "decay": "exponential", "gamma": 0.8, "batch_size": 128}] * 3
    made = pick("d", "sgd", won(lines + elsewhere, "sgd"))
    assert (made.decay, made.batch_size) == (decay, 64)
    assert ("gamma" in made.settings) == (decay == "exponential")


def test_gamma_comes_from_the_decayed_winners_at_that_size_and_lr_from_all_of_them():
    lines = [
        {"lr": lr, "decay": "exponential", "gamma": g} for lr, g in ((0.01, 0.99), (0.1, 0.9), (1, 0.96))
    ]
    lines += [{"lr": 0.1}, {"lr": 0.1}, {"lr": 9.0, "batch_size": 512}]
    made = pick("d", "sgd", won(lines, "sgd"))
    assert made.settings == pytest.approx({"lr": 0.1, "gamma": 0.96})


def test_medians_are_taken_of_logs_and_betas_by_their_distance_to_one():
    lines = [{"lr": lr, "beta": beta} for lr, beta in ((0.001, 0.0), (0.01, 0.9), (1.0, 0.999), (7.0, 0.995))]
    made = pick("d", "momentum", won(lines))
    # Even count: the mean of the two middle logs, so the geometric mean of .01 and 1, and of .1 and .005.
    # To four digits, of β those of its distance to 1.
    assert made.settings == {"lr": 0.1, "beta": 0.97764}
    assert made.settings["beta"] == pytest.approx(1 - math.sqrt(0.1 * 0.005), abs=1e-5)


def test_quartiles_enclose_the_pick_in_the_order_of_the_hyperparameter():
    betas = [0.6838, 0.9, 0.96838, 0.99, 0.996838]
    made = pick("d", "momentum", won([{"lr": 0.1, "beta": beta} for beta in betas]))
    assert made.settings["beta"] == pytest.approx(betas[2])
    assert made.quartiles["beta"] == pytest.approx((betas[1], betas[3]))


def test_what_is_not_searched_is_kept():
    made = pick("d", "adam", won([SETTINGS["adam"]] * 3, "adam"))
    assert made.settings == pytest.approx(SETTINGS["adam"])
    assert set(made.quartiles) == {"lr", "beta1", "beta2"}


# The table of picks and the audit


def confirmations(dataset, optimizer, errors, diverged=()):
    """Confirming rows with the length of their trainings."""
    fields = {"kind": "confirm", "decay": "none"}
    lines = [
        row(dataset, 1_000_000 + j, optimizer, 0, error, 1.0, diverged=j in diverged, **fields)
        for j, error in enumerate(errors)
    ]
    return frame("rows", lines).assign(examples=1000, steps=15, what="pick")


BESIDE = pd.DataFrame({"dataset": ["c"], "model": ["pick"], "recommended": [True]})


@pytest.fixture(scope="module")
def circle():
    """Adam is picked on c by its mean rank, sgd ends where it ends, rmsprop is worse."""
    optimizers = {"sgd": Optimizer(0.0), "adam": Optimizer(0.0), "rmsprop": Optimizer(0.3)}
    return compared(*study(optimizers, "c", 20), optimizers, "c")


def table_of(found, errors, diverged=()):
    made = candidates(found.rows, found.placed, ARMS, "c")[:1]
    confirmed = confirmations("c", made[0].arm.name, errors, diverged)
    return picks.picks_table(made, found.read, found.calls, confirmed, BESIDE)


def test_the_first_candidate_is_of_the_first_placed_and_says_who_is_not_worse(circle):
    (line,) = table_of(circle, [0.2] * 20).itertuples()
    first = circle.placed[(circle.placed.scope == "c") & (circle.placed.reading == "error")].optimizer.iloc[0]
    assert line.optimizer == first
    other = circle.call("error", "c", "sgd", "adam").verdict.replace(" ", "_")
    assert {line.optimizer, getattr(line, other)} == {"sgd", "adam"}
    assert {line.as_good, line.not_decided} == {"", getattr(line, other)}
    mine = circle.read[circle.read.optimizer == first].search_error
    assert line.searched == pytest.approx(np.median(mine))
    assert (line.searched_low, line.searched_high) == tuple(np.sort(mine)[[5, 14]])


def test_beside_a_pick_stand_those_as_good_and_those_not_decided():
    names = ["adam", "momentum", "rmsprop", "sgd"]
    calls = {("adam", "momentum"): "as good", ("adam", "rmsprop"): "b", ("adam", "sgd"): "not decided"}
    calls |= {("momentum", "rmsprop"): "a", ("momentum", "sgd"): "as good", ("rmsprop", "sgd"): "b"}
    lines = [("error", "c", a, b, calls[a, b]) for a, b in itertools.combinations(names, 2)]
    lines += [("error", "d", a, b, "a") for a, b in itertools.combinations(names, 2)]
    lines += [("ratio", "c", a, b, "a") for a, b in itertools.combinations(names, 2)]
    table = pd.DataFrame(lines, columns=["reading", "scope", "a", "b", "verdict"])
    read = pd.DataFrame({"dataset": "c", "optimizer": names, "search_error": 0.1})
    beside = {}
    for name in names:
        made = pick("c", name, won([SETTINGS[name]], name))
        fresh = confirmations("c", name, [0.1])
        (line,) = picks.picks_table([made], read, table, fresh, BESIDE).itertuples()
        beside[name] = (line.as_good, line.not_decided)
    assert beside == {
        "adam": ("momentum", "sgd"),
        "momentum": ("adam,sgd", ""),
        "rmsprop": ("", ""),
        "sgd": ("momentum", "adam"),
    }


def test_the_confirmed_score_is_the_median_over_fresh_blocks(circle):
    errors = np.linspace(0.1, 0.29, 20)
    (line,) = table_of(circle, errors, diverged=(0,)).itertuples()
    scores = np.sort([1.0, *errors[1:]])
    assert line.confirmed == pytest.approx((scores[9] + scores[10]) / 2)
    assert (line.confirmed_low, line.confirmed_high) == (scores[5], scores[14])
    assert line.confirmed_level == pytest.approx(middle_coverage(20, 6))
    assert (line.confirmed_blocks, line.confirmed_diverged) == (20, 1)
    assert (line.examples, line.steps) == (1000, 15)


def test_the_level_of_a_picks_two_intervals_is_that_of_their_blocks():
    rows, curves = study({"sgd": Optimizer(), "adam": Optimizer(0.3)}, "c", 8)
    (line,) = table_of(compared(rows, curves, ["sgd", "adam"], "c"), [0.2] * 20).itertuples()
    assert line.confirmed_level == pytest.approx(middle_coverage(20, 6))
    assert getattr(line, "searched_level", line.confirmed_level) == pytest.approx(middle_coverage(8, 1))


def audit_of(found, errors=(0.1,) * 20, diverged=()):
    return audit(found.rows, found.curves, found.calls, table_of(found, errors, diverged), ARMS)


def statuses(table, check):
    here = table[table.check == check]
    return dict(zip(zip(here.optimizer, here.what, strict=True), here.status, strict=True))


def test_an_honest_study_passes_the_audit(circle):
    table = audit_of(circle)
    assert set(TABLES["audit"].columns) <= set(table.columns)
    assert set(table.status) == {"ok", "info"}
    assert set(table.check) == {"budget", "edge", "divergence", "confirmed", "test read"} | {"inclusion"}
    assert set(table[table.status == "info"].check) == {"divergence"}


def test_audit_flags_a_training_that_one_optimizer_had_less(circle):
    rows = circle.rows[
        ~((circle.rows.optimizer == "sgd") & (circle.rows.block == 2) & (circle.rows.draw == 3))
    ]
    assert statuses(audit_of(circle._replace(rows=rows)), "budget") == {("all", ""): "look"}


def test_audit_counts_budgets_of_searches_alone(circle):
    rows = circle.rows[~((circle.rows.optimizer == "sgd") & (circle.rows.kind == "untuned"))]
    table = audit(rows, circle.curves, circle.calls, table_of(circle, [0.1] * 20), ARMS)
    assert statuses(table, "budget") == {("all", ""): "ok"}


def test_audit_reports_the_share_of_diverged_draws(circle):
    rows = circle.rows.copy()
    rows.loc[(rows.optimizer == "sgd") & (rows.kind == "search") & (rows.draw == 1), "status"] = "diverged"
    table = audit_of(circle._replace(rows=rows))
    shares = table[table.check == "divergence"].set_index("optimizer").value
    assert shares.to_dict() == {"sgd": 0.25, "adam": 0.0, "rmsprop": 0.0}


@pytest.mark.parametrize(
    ("name", "low", "high", "what"),
    [
        ("lr", 1e-4, 10.0, "lr"),
        ("beta", 5e-3, 1.0, "1-beta"),
    ],
)
@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize(
    ("outer", "place", "status"), [(2, 0.045, "look"), (1, 0.0, "ok"), (8, 0.055, "ok"), (8, 0.045, "look")]
)
def test_audit_flags_a_quarter_of_winners_in_the_outer_twentieth(
    circle, name, low, high, what, end, outer, place, status
):
    place = place if end == "low" else 1 - place
    searched = low * (high / low) ** place
    value = 1 - searched if what == "1-beta" else searched
    crowd, others = {**SETTINGS["momentum"], name: value}, SETTINGS["momentum"]
    rows = won([crowd] * outer + [others] * (8 - outer))
    found = statuses(audit(rows, circle.curves, circle.calls, table_of(circle, [0.1] * 20), ARMS), "edge")
    assert found["momentum", f"{what} {end} end"] == status
    assert list(found.values()).count("look") == (status == "look")


def test_audit_flags_a_decay_of_the_rate_at_the_end_of_its_range(circle):
    # 1-γ is searched in .001 .. .3.
    rows = won([{"lr": 0.1, "decay": "exponential", "gamma": 1 - 0.29}] * 8, "sgd")
    found = audit(rows, circle.curves, circle.calls, table_of(circle, [0.1] * 20), ARMS)
    edges = found[(found.check == "edge") & (found.status == "look")]
    assert edges.what.tolist() == ["1-gamma high end"]


@pytest.mark.parametrize(
    ("worse", "better"), [("momentum", "sgd"), ("adam", "momentum"), ("adam", "rmsprop")]
)
@pytest.mark.parametrize("turned", [False, True])
def test_audit_flags_an_optimizer_called_worse_than_what_it_contains(circle, worse, better, turned):
    for gap, status in ((0.3, "look"), (-0.3, "ok"), (0.0, "ok")):
        optimizers = {worse: Optimizer(max(gap, 0)), better: Optimizer(max(-gap, 0))}
        order = sorted(optimizers, reverse=turned)
        calls = compared(*study(optimizers, "c", 20), order, "c").calls
        table = audit(circle.rows, circle.curves, calls, table_of(circle, [0.1] * 20), ARMS)
        lines = table[table.check == "inclusion"]
        assert lines[["dataset", "optimizer", "what", "status"]].to_numpy().tolist() == [
            ["pooled", worse, better, status],
            ["c", worse, better, status],
        ]


@pytest.mark.parametrize(
    ("error", "diverged", "status"), [(0.1, (), "ok"), (0.9, (), "look"), (0.1, (4,), "look")]
)
def test_audit_flags_a_pick_that_fresh_blocks_do_not_confirm(circle, error, diverged, status):
    (found,) = statuses(audit_of(circle, [error] * 20, diverged), "confirmed").values()
    assert found == status


@pytest.mark.parametrize("change", [{"best_examples": 900}, {"best_validation_loss": 0.001}])
def test_audit_flags_a_test_read_at_a_checkpoint_that_validation_did_not_choose(circle, change):
    rows = circle.rows.copy()
    (column, value), at = *change.items(), rows.index[rows.kind == "search"][7]
    rows.loc[at, column] = value
    table = audit_of(circle._replace(rows=rows))
    (line,) = table[table.check == "test read"].itertuples()
    assert (line.status, line.value) == ("look", pytest.approx(1 - 1 / len(rows)))
