"""What is derived is written with ten digits, the same whatever the last bits of a library were."""

import numpy as np
import pandas as pd
import pytest

from studies.folder.read import Tables
from studies.folder.run_folder import DIGITS, TRAINED, in_order
from studies.folder.schema.tables import TABLES

RNG = np.random.default_rng(0)
VALUES = np.concatenate(
    [
        [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -3.0, 0.1, 1 / 3, -2 / 3, 5e-324, 1.7e308],
        RNG.standard_normal(500) * 10.0 ** RNG.integers(-12, 12, 500),
    ]
)


def ratios(values):
    """A derived table with these numbers."""
    line = {"dataset": "wine", "a": "adam", "b": "sgd"}
    return pd.DataFrame([line | {"block": i, "log_ratio": value} for i, value in enumerate(values)])


def written(values):
    return in_order("ratios", ratios(values)).log_ratio.to_numpy()


def test_a_derived_number_keeps_ten_digits_and_is_the_nearest_of_them():
    finite = np.isfinite(VALUES)
    np.testing.assert_allclose(
        written(VALUES)[finite], VALUES[finite], rtol=0.5 * 10.0 ** (1 - DIGITS), atol=0
    )
    np.testing.assert_array_equal(written(VALUES)[~finite], VALUES[~finite])
    for value in written(VALUES)[finite]:
        assert float(f"{value:.{DIGITS}g}") == value
    assert not np.signbit(written(VALUES)[VALUES == 0]).any()
    assert written(written(VALUES)).tobytes() == written(VALUES).tobytes()


def test_the_last_bits_of_a_library_are_not_seen():
    short = np.round(RNG.standard_normal(200), 6)  # far from where ten digits would round otherwise
    for other in (np.nextafter(short, np.inf), short * (1 - 3e-16)):
        assert written(other).tobytes() == written(short).tobytes()


@pytest.mark.parametrize("name", TRAINED)
def test_what_trainings_gave_is_written_whole(finished, name):
    table = Tables(finished)[name]
    floats = table.select_dtypes("float").iloc[:20]
    assert in_order(name, table)[floats.columns].iloc[:20].to_numpy().tobytes() == floats.to_numpy().tobytes()
    column = next(iter(floats))
    third = table.assign(**{column: 1 / 3})
    assert set(in_order(name, third)[column]) == {1 / 3}


def test_every_derived_table_of_a_run_is_written_so(finished):
    tables = Tables(finished)
    for name, schema in TABLES.items():
        for column in (one for one, how in schema.columns.items() if how.type == "float"):
            values = tables[name][column].dropna().tolist()
            if name not in TRAINED:
                assert values == [float(f"{value:.{DIGITS}g}") for value in values], (name, column)
    counts = in_order("ratios", ratios([0.5, 0.25])).block
    assert counts.dtype == np.int64
