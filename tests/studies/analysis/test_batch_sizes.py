"""Steps and examples against batch size, on curves whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from dlopt.training import record_steps
from studies.analysis.batch_sizes import batch_sizes, batch_times, families, steps_at
from studies.catalog import STUDIES, batch_arms
from studies.folder.schema.tables import TABLES
from studies.question.plan import planned
from studies.training.rows import CONFIRMING
from tests.support.tiny import tiny

SIZES = (8, 16, 32)


def planted(slowdown, blocks=6, start=2.0, end=4000):
    """Envelopes log loss = log start - examples / (1000·slowdown), one arm a size."""
    lines = []
    for block in range(blocks):
        for size in SIZES:
            examples = np.linspace(0, end, 401)
            loss = start * np.exp(-examples / (1000 * slowdown[size]))
            lines += [("wine", block, f"sgd-batch-{size}", x, y) for x, y in zip(examples, loss, strict=True)]
    return pd.DataFrame(lines, columns=["dataset", "block", "optimizer", "examples", "loss"])


def study():
    return tiny(optimizers=batch_arms(("sgd",), SIZES), datasets=("wine",))


def test_equal_curves_in_examples_are_perfect_scaling_in_steps():
    found = batch_sizes(planned(study()), planted(dict.fromkeys(SIZES, 1.0))).set_index("batch_size")
    assert found.examples.to_numpy() == pytest.approx([found.examples[8]] * 3)
    per_epoch = {size: np.ceil(106 / size) for size in SIZES}  # wine has 106 training rows
    for size in SIZES:
        assert found.steps[size] / found.steps[8] == pytest.approx(per_epoch[size] / per_epoch[8], rel=0.1)
    assert found.epochs_loss.to_numpy() == pytest.approx([2 * np.exp(-4)] * 3)
    assert (np.diff(found.steps_loss) < 0).all()  # at equal steps a larger batch has seen more


def test_steps_are_those_that_a_training_takes():
    for size in (8, 64, 106):
        steps, examples = record_steps(106, size, 4)
        assert steps_at(examples.astype(float), size, 106).tolist() == steps.tolist()


def test_a_size_that_needs_twice_the_examples_says_so():
    found = batch_sizes(planned(study()), planted({8: 1.0, 16: 2.0, 32: 1.0})).set_index("batch_size")
    assert found.examples[16] / found.examples[8] == pytest.approx(2, rel=1e-6)
    targets = np.arange(1, 9) / 8 * 2.0  # the slowest falls by 2 in log loss
    assert found.examples[8] == pytest.approx(np.exp(np.mean(np.log(1000 * targets))), rel=1e-6)


def test_blocks_in_which_a_size_never_falls_give_no_steps():
    frame = planted(dict.fromkeys(SIZES, 1.0))
    stuck = (frame.optimizer == "sgd-batch-32") & (frame.block == 0)
    frame.loc[stuck, "loss"] = 2.0
    found = batch_sizes(planned(study()), frame)
    assert found.reached.tolist() == [5, 5, 5]
    assert found.blocks.tolist() == [6, 6, 6]


def test_only_arms_of_one_batch_size_are_compared():
    assert families(STUDIES["default"]) == {}
    assert {k: len(v) for k, v in families(STUDIES["batch-size"]).items()} == {
        "sgd": 8,
        "momentum": 8,
        "adam": 8,
    }
    assert len(batch_sizes(planned(tiny()), planted(dict.fromkeys(SIZES, 1.0)))) == 0


def times(seconds):
    """Timings of two stacks a size, the medians of which are given; confirming ones are another matter."""
    lines = [
        ("wine", block, size, 10, 5, 10 * s * factor)
        for size, s in seconds.items()
        for block, factor in ((0, 0.5), (1, 1.0), (2, 40.0), (CONFIRMING, 1e-3))
    ]
    return pd.DataFrame(lines, columns=list(TABLES["timings"].columns))


WHOLE = 3 * 106  # examples of the study's three epochs of wine


def test_in_equal_time_a_size_gets_as_far_as_its_share_of_the_quickest_ones_time():
    curves = planted(dict.fromkeys(SIZES, 0.1), end=WHOLE)
    found = batch_times(planned(study()), curves, times({8: 0.8, 16: 0.4, 32: 0.2})).set_index("batch_size")
    assert found.seconds.to_dict() == pytest.approx({8: 0.8, 16: 0.4, 32: 0.2})
    assert found.epochs.to_dict() == pytest.approx({8: 0.75, 16: 1.5, 32: 3.0})
    depth = WHOLE / 100  # of the log loss, at the end
    expected = {size: 2 * np.exp(-depth * share) for size, share in {8: 1 / 4, 16: 1 / 2, 32: 1}.items()}
    assert found.time_loss.to_dict() == pytest.approx(expected)


@pytest.mark.parametrize("seconds", [0.3, 0.1, 1 / 3, 0.7e-3, 86.5e-3])
def test_the_quickest_keeps_its_last_record_and_equal_times_are_equal_epochs(seconds):
    curves = planted({8: 1.0, 16: 2.0, 32: 4.0}, end=WHOLE)
    found = batch_times(planned(study()), curves, times(dict.fromkeys(SIZES, seconds)))
    assert found.time_loss.tolist() == pytest.approx(
        batch_sizes(planned(study()), curves).epochs_loss.tolist()
    )


def test_a_size_that_always_diverged_is_read_at_the_start_for_all_its_time():
    curves = planted(dict.fromkeys(SIZES, 1.0), end=WHOLE)
    curves = curves[(curves.optimizer != "sgd-batch-8") | (curves.examples == 0)]
    found = batch_times(planned(study()), curves, times(dict.fromkeys(SIZES, 0.3))).set_index("batch_size")
    assert (found.epochs[8], found.time_loss[8]) == (3.0, 2.0)


def test_a_size_without_a_time_is_left_out():
    found = batch_times(planned(study()), planted(dict.fromkeys(SIZES, 1.0)), times({8: 0.3, 32: 0.1}))
    assert found.batch_size.tolist() == [8, 32]
