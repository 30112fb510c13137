"""What a batch size does, from searches in which it was planted; against SciPy and counting by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies.analysis.size_effects import size_effects

SIZES = (64, 128, 256)
TASKS = {"d": "classification", "e": "regression"}


def searches(shift, *, blocks=12, seed=0, optimizers=("sgd", "adam")):
    """Rows of searches: at each size three draws, the lowest loss with a known error and learning rate.

    shift: what a size adds to the error of the first, by dataset and size.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for dataset in TASKS:
        for block in range(blocks):
            for optimizer in optimizers:
                base = rng.normal(0.2, 0.02)
                for size in SIZES:
                    error = base + shift.get((dataset, size), 0.0) + rng.normal(0, 0.001)
                    for draw, loss in enumerate((0.5, 0.1, 0.9)):
                        mine = loss == 0.1
                        lr = 0.01 * size / 64 if mine else 7.0
                        lines.append(
                            (dataset, block, optimizer, "search", draw, size, lr, "ok", loss)
                            + ((error,) if mine else (99.0,))
                        )
    columns = ["dataset", "block", "optimizer", "kind", "draw", "batch_size", "lr", "status"]
    return pd.DataFrame(lines, columns=[*columns, "best_validation_loss", "test_error"])


def test_a_planted_difference_is_called_and_none_is_as_good():
    rows = searches({("d", 256): 0.05}, seed=1)
    found = size_effects(rows, ["d", "e"], TASKS).set_index(["dataset", "batch_size"])
    assert found.loc[("d", 256)].verdict == "worse"
    assert found.loc[("d", 256)].low < 0.05 < found.loc[("d", 256)].high
    assert set(found.drop(("d", 256)).verdict) == {"as good"}
    assert found.smallest.eq(64).all()
    np.testing.assert_allclose(np.exp(found.rate), found.index.get_level_values(1) / 64)


def test_p_is_scipy_s_of_the_means_over_optimizers():
    rows = searches({("d", 128): 0.0004})
    found = size_effects(rows, ["d", "e"], TASKS).set_index(["dataset", "batch_size"])
    won = rows[rows.best_validation_loss == 0.1]
    wide = won.pivot(index=["dataset", "block", "optimizer"], columns="batch_size", values="test_error")
    for (dataset, size), one in found.iterrows():
        means = (wide.loc[dataset][size] - wide.loc[dataset][64]).groupby("block").mean()
        assert one.p == pytest.approx(stats.wilcoxon(means, method="exact").pvalue)
        assert one.low <= np.median(means) <= one.high


def test_what_diverged_at_a_size_is_left_out_with_its_pair():
    rows = searches({})
    lost = (rows.dataset == "d") & (rows.block == 3) & (rows.batch_size == 128)
    rows.loc[lost, "status"] = "diverged"
    found = size_effects(rows, ["d", "e"], TASKS).set_index(["dataset", "batch_size"]).blocks
    assert found.to_dict() == {("d", 128): 11, ("d", 256): 12, ("e", 128): 12, ("e", 256): 12}
    rows.loc[lost & (rows.optimizer == "sgd"), "status"] = "ok"
    found = size_effects(rows, ["d", "e"], TASKS).set_index(["dataset", "batch_size"]).blocks
    assert found[("d", 128)] == 12


def test_infinite_errors_rank_as_the_largest_and_are_never_nan():
    rows = searches({("e", 256): np.inf})
    found = size_effects(rows, ["d", "e"], TASKS).set_index(["dataset", "batch_size"])
    assert found.loc[("e", 256)].verdict == "worse"
    assert not np.isfinite(found.loc[("e", 256)].estimate)


def test_searches_of_one_size_say_nothing_nor_do_those_that_all_diverged():
    rows = searches({})
    assert size_effects(rows[rows.batch_size == 64], ["d", "e"], TASKS).empty
    assert size_effects(rows.assign(status="diverged"), ["d", "e"], TASKS).empty


def test_an_arm_of_one_size_is_no_smallest_size_of_others():
    rows = searches({("d", 256): 0.05})
    arm = rows[rows.batch_size == 64].assign(optimizer="sgd-16", batch_size=16)
    plain = size_effects(rows, ["d", "e"], TASKS)
    pd.testing.assert_frame_equal(size_effects(pd.concat([rows, arm]), ["d", "e"], TASKS), plain)


def test_a_size_that_few_blocks_know_leaves_the_others_their_calls():
    rows = searches({("d", 128): 0.05})
    lost = (rows.dataset == "d") & (rows.batch_size == 256) & (rows.block > 2)
    rows.loc[lost, "status"] = "diverged"
    found = size_effects(rows, ["d", "e"], TASKS).set_index(["dataset", "batch_size"])
    assert found.loc[("d", 256)].blocks == 3
    assert found.loc[("d", 256)].verdict in ("too few blocks", "as good")
    assert found.loc[("d", 128)].verdict == "worse"


def test_few_blocks_call_nothing():
    found = size_effects(searches({("d", 256): 0.05}, blocks=4), ["d", "e"], TASKS)
    assert not found.verdict.isin(["better", "worse"]).any()
