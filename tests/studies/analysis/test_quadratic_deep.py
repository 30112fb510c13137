"""What is committed about quadratic_deep is what this code finds, and what was published."""

import numpy as np
import pandas as pd
import pytest

from studies.analysis.quadratic_deep import PUBLISHED, quadratic_table
from studies.folder.committed_tables import known

KEY = ["subject", "order", "lr"]


def test_the_committed_table_is_what_the_code_finds_today():
    found = quadratic_table().sort_values(KEY, ignore_index=True)
    kept = known()["quadratic_deep"].sort_values(KEY, ignore_index=True)
    assert kept[["subject", "order", "orders"]].equals(
        found[["subject", "order", "orders"]].astype(kept.dtypes[["subject", "order", "orders"]])
    )
    # the file may come from another machine: sums of 700 steps differ in their last bits, and where a rate
    # is about to diverge those decide the end
    calm = found.lr < 3e-3
    assert calm.sum() > 100
    numbers = ["lr", "loss", "low", "high"]
    np.testing.assert_allclose(kept.loc[calm, numbers], found.loc[calm, numbers], rtol=1e-9)


def test_published_losses_are_met_by_the_order_that_is_never_shuffled_and_by_others():
    table = known()["quadratic_deep"].dropna(subset="published")
    assert len(table) == 2 * len(PUBLISHED)
    assert table.loss.to_numpy() == pytest.approx(table.published.to_numpy(), rel=2e-3)
    assert isinstance(table, pd.DataFrame)


def test_one_order_is_one_and_a_band_holds_its_median():
    table = known()["quadratic_deep"]
    assert (table.orders == np.where(table.order == "one order", 1, 5)).all()
    assert ((table.low <= table.loss) & (table.loss <= table.high)).all()
    alone = table[table.orders == 1]
    assert (alone.low == alone.high).all()
