import itertools
import json
from collections import Counter

import numpy as np
import pytest
from conftest import tiny

import datasets
import dlopt
from dlopt import fields
from studies.catalog import STUDIES
from studies.errors import UsageError
from studies.protocol import (
    Row,
    Stack,
    Study,
    budget,
    search_rows,
    size_and_decay,
    stacks,
    train_stack,
    wanted_rows,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", (38, (64, 128, 256, 512), (64,))),
        ("breast_cancer", (118, (64, 128, 256), (32,))),
        ("wine", (200, (64,), (32,))),
        ("diabetes", (152, (64, 128, 256), (32,))),
    ],
)
def test_the_budget_follows_the_rule(name, expected):
    assert budget(datasets.load(name)) == expected


def test_a_split_of_at_most_64_rows_trains_on_the_full_batch():
    small = datasets.Dataset("small", np.zeros((100, 2)), np.zeros(100), 0)
    assert small.n_train == 60
    assert budget(small) == (200, (60,), (32,))


@pytest.mark.parametrize("sizes", [1, 2, 3, 4])
def test_batch_sizes_and_decay_are_spread_evenly(sizes):
    for block in range(12):
        given = [size_and_decay(draw, block, sizes) for draw in range(16)]
        counts = Counter(size for size, _ in given)
        assert max(counts.values()) - min(counts.values()) <= (16 % sizes != 0)
        assert abs(sum(decay == "exponential" for _, decay in given) - 8) <= 1
        for size in range(sizes):
            halves = Counter(decay for s, decay in given if s == size)
            assert abs(halves["none"] - halves["exponential"]) <= 1


@pytest.mark.parametrize("optimizer", dlopt.OPTIMIZERS)
def test_draws_are_inside_their_ranges_and_come_again(optimizer):
    study = tiny(draws=16)
    rows = search_rows(study, "digits", optimizer, 3)
    assert rows == search_rows(study, "digits", optimizer, 3)
    assert [row.draw for row in rows if row.kind == "search"] == list(range(16))
    for row in rows[:-1]:
        settings = dict(row.settings)
        for name, field in fields.searched(dlopt.OPTIMIZERS[optimizer]).items():
            low, high = field.search
            searched = 1 - settings[name] if field.complement else settings[name]
            assert low * (1 - 1e-9) <= searched <= high * (1 + 1e-9)
        assert ("gamma" in settings) == (row.decay == "exponential")


def test_draws_cover_the_log_range_evenly():
    rows = [
        r for b in range(40) for r in search_rows(tiny(draws=16), "wine", "adam", b) if r.kind == "search"
    ]
    place = (np.log10([dict(r.settings)["lr"] for r in rows]) + 5) / 5
    counts, _ = np.histogram(place, bins=8, range=(0, 1))
    expected = len(rows) / 8
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # chi-square with 7 degrees, 1 in 1,000


def test_draws_are_fresh_in_every_block_dataset_and_optimizer():
    study = tiny()
    made = [
        search_rows(study, dataset, optimizer, block)[0]
        for dataset, optimizer, block in itertools.product(("wine", "digits"), ("adam", "rmsprop"), range(3))
    ]
    assert len({dict(row.settings)["lr"] for row in made}) == len(made)
    assert search_rows(tiny(seed=1), "wine", "adam", 0)[0].settings != made[0].settings


def test_the_untuned_row_has_the_defaults_at_the_middle_batch_size():
    for name, size in (("digits", 128), ("diabetes", 128), ("wine", 64)):
        *_, untuned = search_rows(tiny(), name, "adam", 0)
        assert (untuned.kind, untuned.batch_size, untuned.decay) == ("untuned", size, "none")
        assert dict(untuned.settings) == {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def test_every_optimizer_gets_the_same_number_of_trainings_at_each_batch_size():
    study = STUDIES["default"][1]
    rows = wanted_rows(study, [k for s in (study,) for k in _keys(s) if k[0] == "digits" and k[1] < 2])
    counts = Counter((r.optimizer, r.block, r.batch_size) for r in rows if r.kind == "search")
    assert set(counts.values()) == {4}


def _keys(study):
    from studies.protocol import wanted_keys

    return wanted_keys(study)


def test_all_optimizers_of_a_block_and_batch_size_train_in_one_stack():
    study = tiny(datasets=("diabetes",), blocks=2)
    tasks = stacks(study, wanted_rows(study))
    assert len(tasks) == 2
    for task in tasks:
        assert [stack.batch_size for stack in task] == [64, 128, 256]
        for stack in task:
            assert {row.optimizer for row in stack.rows} == {"sgd", "adam"}


def test_a_stack_pairs_its_rows_on_the_same_start():
    study = tiny(datasets=("wine",), blocks=1)
    (task,) = stacks(study, wanted_rows(study))
    records = train_stack(task[0])
    assert len({record["curve"]["validation_loss"][0] for record in records}) == 1
    assert len({record["best_validation_loss"] for record in records}) > 1


def test_a_row_makes_the_optimizer_that_its_settings_say():
    row = Row(
        "wine", 0, "adam", "search", 0, 64, "exponential", (("lr", 0.1), ("beta1", 0.5), ("gamma", 0.9))
    )
    made = row.make()
    assert (made.lr, made.beta1, made.beta2) == (0.1, 0.5, 0.999)
    assert made.schedule.gamma == 0.9


def test_records_keep_settings_exactly():
    row = search_rows(tiny(), "wine", "adam", 0)[0]
    (record,) = train_stack(Stack("wine", 0, 64, 1, (4,), 0, (row,)))
    assert json.loads(record["settings"]) == dict(row.settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizers": ()}, "list of optimizers is empty"),
        ({"datasets": ()}, "list of datasets is empty"),
        ({"optimizers": ("adm",)}, "no optimizer 'adm'.\nDid you mean adam"),
        ({"datasets": ("wein",)}, "no dataset 'wein'.\nDid you mean wine"),
        ({"blocks": 0}, "blocks must be a whole number >= 1, not 0"),
        ({"blocks": -3}, "-3"),
        ({"draws": 1}, "draws .* >= 2, not 1"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "2.5"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_study_out_of_range_is_refused_with_value_and_rule(change, words):
    with pytest.raises(UsageError, match=words):
        tiny(**change)


def test_the_named_studies_are_those_of_the_readme():
    assert isinstance(STUDIES["default"][1], Study)
    assert STUDIES["default"][1].blocks == 20
    assert STUDIES["default"][1].draws == 16
