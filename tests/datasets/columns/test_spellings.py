"""Dates of other languages and programs, against pandas' own."""

import numpy as np
import pandas as pd
import pytest

import datasets

N = 240
X = np.random.default_rng(0).normal(size=N)
DAYS = pd.date_range("2018-01-03", periods=N, freq="3D")
LANGUAGES = {
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "German, short": "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "French, short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
}


def read(labels, **how):
    frame = pd.DataFrame({"x": X, "c": labels, "y": X + np.cos(np.arange(N))})
    table = datasets.from_frame(frame, "y", **how)
    return next(one for one in table.readings if one.column == "c"), table


def same_days(labels, days):
    found, table = read(labels)
    assert (found.kind, found.missing) == ("date", 0)
    parts = {one.label: one.values for one in table.columns}
    np.testing.assert_array_equal(parts["c: month"], days.month)
    np.testing.assert_array_equal(parts["c: year"], days.year)
    if "c: day" in parts:
        np.testing.assert_array_equal(parts["c: day"], days.day)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["{0} {1} {2}", "{0}. {1} {2}", "{0} de {1} de {2}", "{0}-{1}-{2}"])
def test_names_of_months_are_read_in_other_languages(language, form):
    names = LANGUAGES[language].split()
    same_days([form.format(t.day, names[t.month - 1], t.year) for t in DAYS], DAYS)


FORMS = [
    *("%Y年%m月%d日", "%Y년 %m월 %d일", "%Y. %m. %d.", "%Y.%m.%d.", "%d. %m. %Y", "%d/%m/%Y 03:30 p. m."),
    *("%Y-%m-%d 10:00:00 EST", "%d-%b-%y 11.00.00.000000 AM"),
]


@pytest.mark.parametrize("form", FORMS)
def test_marks_of_other_places_and_programs_are_read(form):
    same_days([t.strftime(form) for t in DAYS], DAYS)


@pytest.mark.parametrize("form", ["{0} week {1}", "W{1} {0}", "{0}-W{1}", "KW {1}/{0}"])
def test_weeks_begin_on_their_monday(form):
    weeks = DAYS.isocalendar()
    labels = [form.format(y, w) for y, w in zip(weeks.year, weeks.week, strict=True)]
    same_days(labels, DAYS - pd.to_timedelta(DAYS.day_of_week, "D"))


def test_quarters_with_short_years_are_dates():
    starts = DAYS.to_period("Q").start_time
    same_days([f"Q{t.quarter}'{t.year % 100}" for t in DAYS], starts)


@pytest.mark.parametrize("day", ["9999-12-31", "1900-01-01", "0001-01-01"])
def test_days_that_stand_for_missing_are_missing_and_said(day):
    labels = [t.strftime("%Y-%m-%d") if i % 10 else day for i, t in enumerate(DAYS)]
    found, table = read(labels)
    assert (found.kind, found.missing) == ("date", N // 10)
    assert any(f"taken as missing ({day}: 24 rows)" in one for one in table.notes)
    assert read(labels, date="c")[0].missing == 0


def test_days_that_may_be_values_are_kept():
    births = pd.date_range("1900-01-01", periods=N, freq="90D")
    labels = ["1900-01-01" if i % 10 == 0 else t.strftime("%Y-%m-%d") for i, t in enumerate(births)]
    assert read(labels)[0].missing == 0


RNG = np.random.default_rng(1)
NO_TIMES = {
    "volume": RNG.integers(1_450_000_000, 1_600_000_000, N),
    "part": [f"{9000 + i % 700}-{1 + i % 12:02d}" for i in range(N)],
    "mark": [f"{1 + i % 12:02d}/{3000 + i % 5}" for i in range(N)],
}


@pytest.mark.parametrize("name", NO_TIMES)
def test_amounts_and_parts_are_no_times(name):
    frame = pd.DataFrame({"x": X, name: NO_TIMES[name], "y": X + np.cos(np.arange(N))})
    found = next(one for one in datasets.from_frame(frame, "y").readings if one.column == name)
    assert found.kind != "date"


def test_feet_have_less_than_twelve_inches():
    assert read([f"{i % 3 + 3}'{i % 12}" for i in range(N)])[0].kind == "number"
    assert read([f"{i % 3 + 3}'{30 + i % 30}" for i in range(N)])[0].kind != "number"
