"""Text that is numbers, words among numbers, and words that only look like numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datasets

N = 240
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)


def column(values, **how):
    """The reading of one column beside a number, and the table."""
    frame = pd.DataFrame({"x": X, "c": values, "y": X + RNG.normal(size=N)})
    table = datasets.from_frame(frame, "y", **how)
    return next(one for one in table.readings if one.column == "c"), table


def target(values, **how):
    return datasets.from_frame(pd.DataFrame({"x": X, "y": values}), "y", **how)


def cycle(values):
    return [values[i % len(values)] for i in range(N)]


AT_ONE_NUMBER = [
    ("<=50K", ">50K"),
    ("<30", ">30"),
    ("<1", "1+"),
    ("1%", "1"),
    ("<5", ">5", ">10"),
    ("≤7", ">7"),
]


@pytest.mark.parametrize("labels", AT_ONE_NUMBER)
def test_limits_at_one_number_are_classes(labels):
    assert dict(target(cycle(labels)).shares) == dict.fromkeys(labels, N // len(labels))
    assert column(cycle(labels))[0].kind == "category"


def test_grades_with_a_plus_are_classes_of_their_own():
    assert set(target(cycle(["1", "1+", "2", "2+"])).classes) == {"1", "1+", "2", "2+"}


@settings(max_examples=15, deadline=None)
@given(
    word=st.sampled_from(["X", "other", "draw", "R", "a"]),
    numbers=st.integers(2, 6),
    every=st.integers(3, 30),
)
def test_words_beside_few_numbers_are_classes(word, numbers, every):
    labels = [word if i % every == 0 else str(i % numbers) for i in range(N)]
    rows = labels.count(word)
    assert dict(target(labels).shares)[word] == rows
    found, _ = column(labels)
    assert (found.kind, found.missing) == ("category", 0)


@pytest.mark.parametrize("marker", ["-", "NR", "NA", "unknown"])
def test_markers_beside_classes_are_named_and_may_be_a_class(marker):
    labels = cycle(["0", "1", marker])
    usual = target(labels)
    assert usual.classes == ("0", "1")
    assert any(f"'{marker}' (80 rows)" in one and "--missing-target class" in one for one in usual.notes)
    assert dict(target(labels, missing_target="class").shares)[marker] == 80
    assert column(labels)[0].missing == 80


@pytest.mark.parametrize("word", ["withdrawn", "refused"])
@pytest.mark.parametrize("every", [4, 33])
def test_words_among_many_numbers_to_predict_are_named(word, every):
    labels = [f"{v:.2f}" if i % every else word for i, v in enumerate(X)]
    table = target(labels)
    assert table.task == "regression"
    assert f"Taken as missing in the target: '{word}' ({labels.count(word)} rows)." in table.notes
    assert table.n_rows == N - labels.count(word)


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (lambda i: f"{4 + i % 3}'{i % 12}\"", lambda i: (4 + i % 3) * 12 + i % 12),
        (lambda i: f"{i % 7}h {i % 60}m", lambda i: i % 7 * 60 + i % 60),
        (lambda i: f"{i % 24}:{i % 60:02d}", lambda i: i % 24 * 60 + i % 60),
        (lambda i: f"${i * 5:,}", lambda i: i * 5),
    ],
)
def test_a_target_is_read_as_a_feature_is(write, read):
    labels, meant = [write(i) for i in range(N)], [float(read(i)) for i in range(N)]
    np.testing.assert_array_equal(np.sort(target(labels, task="regression").y), np.sort(meant))
    found, table = column(labels, number="c")
    assert found.kind == "number"
    np.testing.assert_array_equal(next(c for c in table.columns if c.label == "c").values, meant)


@pytest.mark.parametrize("units", [("lb", "kg"), ("€", "$")])
def test_several_units_are_refused_with_a_remedy(units):
    labels = [f"{i} {units[i % 2]}" for i in range(N)]
    for ask in (lambda: target(labels), lambda: column(labels, number="c")):
        with pytest.raises(ValueError, match=r"several units \(.*\)\.\nConvert"):
            ask()


@pytest.mark.parametrize("zero", ["٠", "۰", "०", "０"])
def test_digits_of_every_script_are_digits(zero):
    table = str.maketrans({str(i): chr(ord(zero) + i) for i in range(10)})
    found, made = column([str(i * 7).translate(table) for i in range(N)])
    assert found.kind == "number"
    np.testing.assert_array_equal(made.columns[1].values, np.arange(N) * 7.0)


@pytest.mark.parametrize("start", [10**25, 2**63, 10**17])
@pytest.mark.parametrize("write", [list, lambda whole: [str(one) for one in whole]])
def test_whole_numbers_beyond_floats_are_told_apart(start, write):
    assert column(write([start + i for i in range(N)]))[0].kind == "identifier"
    found, _ = column(write([start + i % 4 for i in range(N)]))
    assert (found.kind, found.categories) == ("category", 4)


@pytest.mark.parametrize("share", [2, 5, 20])
def test_what_the_user_says_is_obeyed_and_what_is_lost_is_said(share):
    numbers = [f"{v:.2f}" if i % share == 0 else "refused" for i, v in enumerate(X)]
    dates = [f"2020-{1 + i % 9:02d}-{1 + i % 28:02d}" if i % share == 0 else "ongoing" for i in range(N)]
    for option, labels, word in (("number", numbers, "refused"), ("date", dates, "ongoing")):
        found, table = column(labels, **{option: "c"})
        assert (found.kind, found.why, found.missing) == (option, "as you said", labels.count(word))
        assert any(f"'{word}' ({labels.count(word)} rows)" in one for one in table.notes)


def test_a_few_words_among_many_numbers_or_dates_are_missing():
    words = ["sold", "gone", "tba", "later"]
    labels = [f"{v:.2f}" if i % 4 else words[i // 4 % 4] for i, v in enumerate(X)]
    assert (column(labels)[0].kind, column(labels)[0].missing) == ("number", N // 4)
    days = ["ongoing" if i % 5 == 0 else f"2020-{1 + i % 9:02d}-{1 + i % 28:02d}" for i in range(N)]
    assert (column(days)[0].kind, column(days)[0].missing) == ("date", N // 5)


def test_points_that_may_be_of_thousands_are_doubted():
    doubt = "points read as decimals"
    assert any(doubt in one for one in column(cycle(["3.500", "12.655", "780"]))[1].notes)
    assert not any(doubt in one for one in column([f"{v:.3f}" for v in X])[1].notes)
    assert not any(doubt in one for one in column(cycle(["0.500", "12.655", "780"]))[1].notes)


OTHERWISE = [
    *('="{}"', "'{}", '"{}"', "[{}]", "{}[1]", "{}*", '"$ {}"', "{}e0", "{}D+00", "{}×10^0", "{} x 10**0"),
    *("less than {}", "{} or more", "{} plus", "{} and under", "ND ({})", "under {}", "at least {}", "<{}"),
]


@pytest.mark.parametrize("form", OTHERWISE)
@pytest.mark.parametrize("every", [1, 3])
def test_numbers_are_read_however_they_are_dressed(form, every):
    plain = [f"{abs(v):.2f}" for v in X]
    dressed = [form.format(one) if i % every == 0 else one for i, one in enumerate(plain)]
    found, table = column(dressed)
    assert found.kind == "number"
    parts = {one.label: one.values for one in table.columns}
    np.testing.assert_allclose(parts["c"], np.array(plain, float), rtol=1e-12)
    limits = form in OTHERWISE[-8:] and every > 1
    assert ("c: limit" in parts) == limits


@pytest.mark.parametrize("form", ['="{:05d}"', "'{:05d}", '"{:05d}"'])
def test_zeros_in_front_inside_quotes_stay_codes(form):
    assert column([form.format(i % 8) for i in range(N)])[0].kind == "category"
