import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from datasets.columns import resting
from datasets.columns.features import OneHot
from datasets.columns.understanding import understand
from datasets.sentences import Notes
from datasets.tables import making as table

N = 200


def read(values, name="c"):
    """The columns that one column of a frame becomes, and the sentences about it."""
    notes = Notes()
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    found = understand(pd.DataFrame({name: series}), notes).columns
    return found, " ".join(notes.sentences())


def cycle(values, n=N):
    return [values[i % len(values)] for i in range(n)]


@pytest.mark.parametrize(
    ("written", "meant", "said"),
    [
        (["1,5", "2", "-3,25", "1.234,5", "1e1"], [1.5, 2, -3.25, 1234.5, 10], "Read decimal commas"),
        (["$1,200", "-$4.50", "$ 30", "$1,000,000"], [1200, -4.5, 30, 1e6], "Read commas as thousands"),
        (["12%", "3.5 %", "-100%"], [12, 3.5, -100], "Read without signs"),
        (["€1.200,50", "3,5 €"], [1200.5, 3.5], "Read decimal commas"),
        (["0,123", "1,234", "1.234"], [0.123, 1.234, 1234], "Read decimal commas"),
        (["1_234.5", "12_345_678", "7"], [1234.5, 12345678, 7], "Read underscores as thousands"),
        (["999", "1,234", "-12,345,678.5"], [999, 1234, -12345678.5], "thousands separators"),
        ([" 7", "8 ", "+9", "1e-3"], [7, 8, 9, 1e-3], ""),
        ([decimal.Decimal("1.5"), decimal.Decimal(2)], [1.5, 2], ""),
        ([datetime.timedelta(minutes=1), datetime.timedelta(hours=1)], [60, 3600], ""),
        ([3, "4", 5.5], [3, 4, 5.5], ""),
        ([1.0, None, 2.0], [1, np.nan, 2], "imputed with an indicator"),
        (
            [1.0, np.inf, -np.inf, 1e200, 2.0],
            [1, *[np.nan] * 3, 2],
            r"Infinite values \(120\) taken",
        ),
    ],
)
def test_numbers_are_read_however_they_are_written(written, meant, said):
    (column,), notes = read(cycle(written))
    assert column.kind == "number"
    np.testing.assert_allclose(column.values, cycle(meant))
    assert pd.Series([notes]).str.contains(said).all()


@pytest.mark.parametrize("dtype", ["int8", "Int64", "float32", "Float64", "int64[pyarrow]", "Sparse[int]"])
def test_every_type_of_number_gives_the_same(dtype):
    (column,), _ = read(pd.Series(np.arange(N) % 7).astype(dtype))
    np.testing.assert_array_equal(column.values, np.arange(N) % 7)


def test_a_few_words_among_numbers_are_missing_and_more_make_categories():
    for words, kind in ((N // 20, "number"), (N // 10, "category")):
        (column,), notes = read([*["much"] * words, *cycle([str(i) for i in range(12)], N - words)])
        assert column.kind == kind
        assert (
            f"Mixed types: numbers, of which others ('much' ({words} rows)) are missing: 'c'" in notes
        ) == (kind == "number")


@pytest.mark.parametrize("values", [[True, False], ["True", "False"], [True, None, False], [True, pd.NA]])
def test_booleans_are_0_and_1(values):
    made = pd.Series(cycle(values), dtype=object)
    (column,), _ = read(made)
    assert column.kind == "boolean"
    wanted = [np.nan if pd.isna(v) else float(str(v) == "True") for v in made]
    np.testing.assert_array_equal(column.values, wanted)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%Y-%m-%d %H:%M", "'c'"),
        ("%Y-%m-%dT%H:%M:%S", "'c'"),
        ("%Y/%m/%d %H:%M", "'c'"),
        ("%d.%m.%Y %H:%M:%S", "'c'"),
        ("%d/%m/%Y %H:%M", "day/month"),
        ("%m/%d/%Y %H:%M", "month/day"),
        (None, "'c'"),
    ],
)
def test_dates_become_their_parts(form, said):
    start = datetime.datetime(2019, 3, 1, 5)
    times = [start + datetime.timedelta(hours=131 * i) for i in range(N)]
    written = [t.strftime(form) for t in times] if form else times
    written[7] = None
    found, notes = read(written)
    meant = {
        "year": lambda t: t.year,
        "month": lambda t: t.month,
        "day": lambda t: t.day,
        "weekday": lambda t: t.weekday(),
        "hour": lambda t: t.hour,
    }
    assert [column.label for column in found] == [f"c: {part}" for part in meant]
    for column, part in zip(found, meant.values(), strict=True):
        np.testing.assert_array_equal(np.delete(column.values, 7), [part(t) for t in np.delete(times, 7)])
        assert np.isnan(column.values[7])
    assert [column.holes for column in found] == [True, False, False, False, False]
    assert said in notes
    assert "Dates expanded to year, month, day, weekday, hour: 'c'." in notes


def test_words_that_pandas_takes_for_dates_are_words():
    (column,), _ = read(cycle(["now", "today", "later"]))
    assert column.labels == ("later", "now", "today")


def test_parts_of_dates_that_do_not_vary_are_left_out():
    found, _ = read([f"2020-03-{1 + i % 31:02}" for i in range(N)])
    assert [column.label for column in found] == ["c: day", "c: weekday"]


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("c", [None] * N, "Dropped, all values are missing: 'c'."),
        ("c", [np.nan] * N, "Dropped, all values are missing: 'c'."),
        ("c", ["?", "", "NA", " "] * 50, "Dropped, all values are missing: 'c'."),
        ("c", [4] * N, "Dropped, one value only: 'c'."),
        ("c", ["same"] * N, "Dropped, one value only: 'c'."),
        ("c", ["2020-01-01"] * N, "Dropped, one day only: 'c'."),
        ("c", [f"u{i}" for i in range(N)], "Dropped, an identifier: 'c'."),
        ("id", range(1, N + 1), "Dropped, an identifier: 'id'."),
        ("user_id", range(5, 2 * N + 5, 2), "Dropped, an identifier: 'user_id'."),
        ("PassengerId", range(N), "Dropped, an identifier: 'PassengerId'."),
        (
            "c",
            [f"{i} words that nobody ever wrote before" for i in range(N)],
            "Dropped, free text: 'c'.",
        ),
        ("c", [f"name {i % 150}" for i in range(N)], "Dropped, every category is rare: 'c'."),
        ("c", [[1, 2]] * N, "Dropped, lists or other compound values: 'c'."),
        ("c", np.arange(N) * 1j, "Dropped, complex numbers: 'c'."),
    ],
)
def test_what_cannot_be_learned_from_is_dropped_with_the_reason(name, values, said):
    found, notes = read(pd.Series(list(values)), name)
    assert not found
    assert said in notes


@pytest.mark.parametrize("name", ["age", "paid", "grid", "humidity", "valid", "number of rooms"])
def test_numbers_that_only_sound_like_an_identifier_are_kept(name):
    assert len(read(range(N), name)[0]) == 1


def test_numbers_named_id_that_come_again_are_kept():
    assert len(read(np.arange(N) % 30, "shop_id")[0]) == 1


def test_categories_are_counted_with_the_missing_ones_and_the_rare_ones_share():
    (column,), notes = read(["a"] * 100 + ["b"] * 50 + [None] * 40 + ["r1"] * 4 + ["r2"] * 4 + ["r3"] * 2)
    assert column.labels == ("a", "b", "r1", "r2", "r3", "(missing)")
    assert column.width == 4  # a, b, missing, and the rest
    assert "Missing values are a category of their own: 'c'." in notes
    assert "Rare categories share a feature (below 5 rows, or beyond 50): 'c'." in notes


def test_at_most_fifty_categories_stand_for_themselves():
    (column,), _ = read(cycle([f"k{i}" for i in range(80)], 8_000))
    assert column.width == 51


def test_one_hot_equals_scikit_learns_where_nothing_is_rare_but_for_the_order():
    X = np.array([[0.0], [2], [1], [2]])
    ours, theirs = OneHot(3).fit(X).transform(X), OneHotEncoder().fit_transform(X).toarray()
    assert sorted(map(tuple, ours.T)) == sorted(map(tuple, theirs.T))


def test_one_hot_keeps_its_width_and_its_frequent_categories():
    train = np.repeat([7.0, 1, 4, 2, 3], [40, 30, 20, 2, 1])[:, None]
    encoder = OneHot(3).fit(train)
    new = encoder.transform(np.array([[7.0], [1], [4], [2], [3], [99]]))
    assert new.shape == (6, 3)
    np.testing.assert_array_equal(new.sum(axis=1), 1)
    assert (new[0] != new[1]).any()
    for shared in new[3:]:  # the rare ones, and one that training never saw
        np.testing.assert_array_equal(shared, new[2])
    few = OneHot(4).fit(np.array([[1.0], [2.0]])).transform(np.array([[1.0], [2.0], [3.0]]))
    np.testing.assert_array_equal(few, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])


def test_large_tables_rest_in_float32_where_that_loses_nothing():
    n = resting.SAMPLE + 1
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"measured": rng.normal(size=n), "stamp": 1.7e9 + rng.random(n), "huge": 1e60 * rng.random(n)}
    )
    found = understand(frame, Notes()).columns
    assert [column.values.dtype for column in found] == [np.float32, np.float64, np.float64]
    assert read(rng.normal(size=N))[0][0].values.dtype == np.float64


def test_a_column_one_to_one_with_the_target_is_noted_and_kept():
    rng = np.random.default_rng(1)
    y = rng.normal(size=N)
    frame = pd.DataFrame(
        {"log": np.exp(y), "minus": -y, "near": y + 0.01 * rng.normal(size=N), "z": rng.normal(size=N)}
    )
    found = table.from_frame(frame.assign(y=y), "y")
    assert found.n_features == 4
    assert found.doubts == (
        "Look out, one-to-one with the target, perhaps a leak: 'log', 'minus'.",
        "Look out, tells the target nearly alone, perhaps a leak: 'near'.",
    )
    kind = rng.integers(0, 3, N)
    frame = pd.DataFrame(
        {"code": 10 - kind, "word": np.array(["p", "q", "r"])[kind], "half": kind > 0, "fine": kind}
    )
    frame.loc[0, "fine"] = 9
    found = table.from_frame(frame.assign(y=kind), "y")
    assert found.doubts == (
        "Look out, one-to-one with the target, perhaps a leak: 'code', 'word'.",
        "Look out, tells the target nearly alone, perhaps a leak: 'fine'.",
    )


def test_a_source_that_changes_later_does_not_change_the_table():
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.arange(60) % 2
    found = table.from_arrays(X, y)
    before = found.block(0).X_train.tobytes()
    X[:], y[:] = 0, 0
    assert found.block(0).X_train.tobytes() == before


def test_a_long_text_is_no_number_and_is_looked_at_quickly():
    words = [
        f"note {i}: " + "1 2 3 or so, " * 2_000 for i in range(N)
    ]  # seconds each, by the patterns of numbers
    found, notes = read(words)
    assert found == []
    assert "free text" in notes
