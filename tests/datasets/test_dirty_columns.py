"""Dirty columns whose clean version is known give the features of the clean one."""

import datetime

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import datasets

N = 120
MARKERS = ["", ".", "-", "--", "None", "N.A.", "n.d.", "?", "NULL", "#N/A", "unknown", "*", "na", "missing"]
MONEY = ["$", "€", "£", "USD ", "EUR ", "CHF ", "₹"]
UNITS = ["kg", " CC", " kmpl", "bhp", " km/h", " °C", " sq ft", "%", " mg/dL", " m2", " years"]
NARROW = "\u202f"


@st.composite
def values(draw):
    """Numbers of one size, with two decimals, and where they are missing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([1, 30, 4_000, 2_000_000]))
    found = np.round(rng.normal(size=N) * size + draw(st.sampled_from([0, 3])) * size, 2)
    holes = rng.random(N) < draw(st.sampled_from([0, 0.04, 0.3, 0.7]))
    return found, holes, rng


def apart(value, thousands, decimals):
    return f"{abs(value):,.2f}".replace(",", "_").replace(".", decimals).replace("_", thousands)


def in_brackets(value, word):
    return f"({word})" if value < 0 else word


def behind(value, word):
    return f"{word}-" if value < 0 else word


def before(value, word):
    return f"-{word}" if value < 0 else word


def true_minus(value, word):
    return f"\N{MINUS SIGN}{word}" if value < 0 else word


@st.composite
def written(draw):
    """A column of words, and the numbers that they mean."""
    numbers, holes, rng = draw(values())
    thousands, decimals = draw(
        st.sampled_from([("", "."), (",", "."), (".", ","), (" ", ","), ("'", "."), (NARROW, ","), ("", ",")])
    )
    signed = draw(st.sampled_from([in_brackets, behind, before, true_minus]))
    money, unit = draw(st.sampled_from(["", *MONEY])), draw(st.sampled_from(["", *UNITS]))
    words = [
        signed(v, (money or "") + apart(v, thousands, decimals) + ("" if money else unit)) for v in numbers
    ]
    markers = draw(st.lists(st.sampled_from(MARKERS), min_size=1, max_size=3))
    words = [
        markers[i % len(markers)] if hole else word
        for i, (word, hole) in enumerate(zip(words, holes, strict=True))
    ]
    return words, np.where(holes, np.nan, numbers), rng


def blocks(column, rng_y):
    frame = pd.DataFrame({"c": column, "z": rng_y, "y": rng_y[::-1]})
    table = datasets.from_frame(frame, "y")
    block = table.block(0)
    return table, block


def same(dirty, clean, rng):
    other = rng.normal(size=N)
    mine, block = blocks(dirty, other)
    wanted, known = blocks(clean, other)
    assert mine.n_features == wanted.n_features, (mine.readings[0], mine.notes)
    for part in ("train", "validation", "test"):
        np.testing.assert_allclose(getattr(block, f"X_{part}"), getattr(known, f"X_{part}"), atol=1e-6)
    assert mine.readings[0].missing == wanted.readings[0].missing


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(written())
def test_numbers_however_they_are_written(case):
    words, clean, rng = case
    same(words, clean, rng)


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(values(), st.sampled_from(["$", "€", ""]), st.booleans())
def test_magnitudes_however_they_are_mixed(case, money, upper):
    numbers, _, rng = case
    numbers = np.round(np.abs(numbers) * 1_000)
    names = {1e9: "B", 1e6: "M", 1e3: "K"}
    words, meant = [], []
    for value in numbers:
        scale = next((one for one in names if value >= one), 1.0)
        short = f"{value / scale:.3f}"
        suffix = names.get(scale, "")
        words.append(f"{money}{short}{suffix if upper else suffix.lower()}")
        meant.append(float(short) * scale)
    if not money and not any(one[-1].isalpha() for one in words):
        return
    same(words, np.array(meant), rng)


FORMS = [
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %B %Y",
    "%d %b %Y",
    "%d%b%Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d-%b-%y",
    "%A, %d %B %Y",
    "%Y%m%d",
    "%a, %d %b %Y",
]
CLOCKS = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f"]


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from(FORMS),
    st.sampled_from(CLOCKS),
    st.sampled_from([0, 0.05, 0.4]),
    st.sampled_from(MARKERS),
    st.integers(0, 2**32 - 1),
)
def test_dates_however_they_are_written(form, clock, share, marker, seed):
    rng = np.random.default_rng(seed)
    clock = "" if form == "%Y%m%d" else clock
    start = datetime.datetime(2015, 1, 1)
    times = [start + datetime.timedelta(minutes=int(m)) for m in rng.integers(0, 6 * 365 * 24 * 60, N)]
    holes = rng.random(N) < share
    words = [marker if hole else t.strftime(form + clock) for t, hole in zip(times, holes, strict=True)]
    read_back = [datetime.datetime.strptime(t.strftime(form + clock), form + clock) for t in times]
    clean = [None if hole else t for t, hole in zip(read_back, holes, strict=True)]
    same(words, pd.Series(clean), rng)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e3, 1e9, 1e30, 1e99]), st.integers(1, 9))
def test_no_value_however_far_leaves_twenty_deviations(seed, size, many):
    rng = np.random.default_rng(seed)
    column = rng.normal(size=N)
    column[rng.integers(0, N, many)] = size * rng.choice([-1, 1], many)
    frame = pd.DataFrame(
        {"c": column, "flat": np.where(np.arange(N) < many, size, 0.0), "y": rng.normal(size=N)}
    )
    table = datasets.from_frame(frame, "y")
    for block in map(table.block, range(4)):
        for part in (block.X_train, block.X_validation, block.X_test):
            assert np.isfinite(part).all()
            assert np.abs(part).max() <= 20
