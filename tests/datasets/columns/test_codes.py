"""Whole numbers that are no quantities, and those that only look so."""

import numpy as np
import pandas as pd
import pytest

from datasets.columns.understanding import understand
from datasets.sentences import Notes

N = 200
RNG = np.random.default_rng(0)


def kind(values, name="c"):
    notes = Notes()
    (found,) = understand(pd.DataFrame({name: list(values)}), notes).readings
    return found, " ".join(notes.sentences())


@pytest.mark.parametrize(
    ("values", "sentinel"),
    [
        (RNG.normal(size=180), -999),
        (RNG.normal(5, 1, 180), -9999.0),
        (RNG.normal(5, 1, 180), 8888),
        (RNG.normal(size=180), 1e20),
        (RNG.integers(20_000, 200_000, 180), 999_999),
        (RNG.integers(18, 90, 180), 999),
        (RNG.integers(1, 900, 180), -1),
        (RNG.integers(0, 101, 180), -1),
        (RNG.integers(0, 12, 180), -9),
    ],
)
@pytest.mark.parametrize("write", [float, str])
def test_a_number_that_stands_for_missing_is_missing_and_said(values, sentinel, write):
    found, notes = kind([write(one) for one in [*values.tolist(), *[sentinel] * 20]])
    assert (found.kind, found.missing, found.features) == ("number", 20, 2)
    assert "taken as missing" in notes
    assert "20 rows" in notes
    assert found.change == "--number c"


def test_two_of_them_are_found():
    found, notes = kind([*RNG.normal(size=160), *[-999.0] * 20, *[-888.0] * 20])
    assert found.missing == 40
    assert "-999: 20 rows, -888: 20 rows" in notes


@pytest.mark.parametrize(
    ("values", "value", "many"),
    [
        (RNG.integers(18, 90, 180), 99, 20),  # an age
        (RNG.integers(18, 90, 199), 999, 1),  # once
        (RNG.normal(10, 9, 180), -1, 20),  # a temperature
        (RNG.integers(0, 5, 180), -1, 20),  # a grade
        (RNG.normal(5, 1, 180), 1234, 20),  # no usual spelling
        (RNG.integers(0, 60_000, 180), 99_999, 20),  # near enough
        (np.arange(180) % 3, 999, 20),  # a code among few
        (RNG.integers(1, 25, 180), 99, 20),  # a price
        (RNG.normal(2_000, 300, 197), 9_999, 3),  # a salary
        (RNG.integers(0, 300, 180), -1, 2),  # a profit
    ],
)
def test_a_number_that_may_be_a_value_is_kept(values, value, many):
    assert kind([*values.tolist(), *[value] * many])[0].missing == 0


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("zip", [10_001, 94_105, 60_601], "category"),
        ("room_type", range(6), "category"),
        ("MSSubClass", [20, 60, 120], "category"),
        ("class_id", range(7), "category"),
        ("http_status", [200, 404, 500, 301], "category"),
        ("store_id", range(8), "category"),
        ("Store", range(1, 21), "category"),
        ("race", range(1, 6), "category"),
        ("thal", [3, 6, 7], "category"),
        ("channels", range(1, 6), "number"),
        ("children", range(13), "number"),
        ("n_types", range(13), "number"),
        ("body_mass_index", range(20, 40), "number"),
        ("hour", range(24), "number"),
        ("type", [0, 1], "number"),
        ("year", range(1990, 2020), "number"),
        ("population", [50_000_000, 2_000_000, 7_000_000], "number"),
    ],
)
@pytest.mark.parametrize("write", [int, str])
def test_codes_are_categories_and_counts_are_numbers(name, values, wanted, write):
    values = list(values)
    found, notes = kind([write(values[i % len(values)]) for i in range(N)], name)
    assert found.kind == wanted
    assert ("Taken as categories" in notes) == (wanted == "category")


@pytest.mark.parametrize("width", [2, 5])
def test_zeros_at_the_front_make_codes_whatever_the_name(width):
    found, notes = kind([f"{i % 11:0{width}}" for i in range(N)], "quantity")
    assert (found.kind, found.categories, found.change) == ("category", 11, "--number quantity")
    assert "whole numbers that begin with 0" in notes


AMOUNTS = [
    "households",
    "Customers",
    "units",
    "engine",
    "sensor",
    "lines_of_code",
    "status",
    "code",
    "channels",
]
AMOUNTS += ["Districts", "group", "steady_state", "employees_number", "price_index", "consumer-index"]


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("write", [int, str])
def test_many_whole_numbers_are_amounts_whatever_else_their_name_may_mean(name, write):
    values = np.random.default_rng(1).choice(np.arange(1, 6_000), N, replace=False)
    values[:20] = values[20:40] if name[-1] not in "rx" else values[:20]
    assert kind(map(write, values.tolist()), name)[0].kind == "number"


@pytest.mark.parametrize("name", ["accounts", "devices", "players", "Family", "units", "household", "engine"])
def test_few_counts_named_as_owners_are_numbers_and_ask_for_no_group(name):
    values = np.random.default_rng(1).integers(1, 12, N)
    done = understand(pd.DataFrame({name: values}), Notes())
    assert (done.readings[0].kind, done.owners) == ("number", [])


@pytest.mark.parametrize("name", ["unit", "machine", "patient", "subj", "pid", "speaker", "household"])
@pytest.mark.parametrize("write", [int, "s{}".format])
def test_owners_whose_rows_stand_together_are_found_by_a_bare_name(name, write):
    done = understand(pd.DataFrame({name: [write(i // 4) for i in range(N)]}), Notes())
    assert done.owners == [name]


@pytest.mark.parametrize("rows", [4, 5])
def test_words_that_come_equally_often_are_owners_whatever_their_name(rows):
    words = np.random.default_rng(2).permutation([f"w{i // rows}" for i in range(40 * rows)])
    assert understand(pd.DataFrame({"who": words}), Notes()).owners == ["who"]
    by_chance = np.random.default_rng(2).choice([f"w{i}" for i in range(40)], 40 * rows)
    assert understand(pd.DataFrame({"who": by_chance}), Notes()).owners == []


@pytest.mark.parametrize(
    ("name", "first"), [("row_index", 0), ("index", 7), ("rows_no", 1), ("invoice_number", 536_365)]
)
def test_numbers_that_count_rows_are_identifiers(name, first):
    assert kind(range(first, first + N), name)[0].kind == "identifier"
