"""The number of blocks that is told is the first with which the test can call anything at all."""

import numpy as np
import pytest

from studies.analysis.comparison import called
from studies.analysis.statistics import sign_flip, signed_ranks
from studies.analysis.verdicts import blocks_needed
from studies.folder.schema.tables import TOO_FEW


def clearest_call(tests, blocks):
    """The call of the first of so many tests, in each of which a side wins every block."""
    ranks = signed_ranks(-np.ones((1, blocks)) - np.arange(blocks))
    p = np.repeat(sign_flip(ranks), tests)
    return called(p, np.repeat(ranks.sum(axis=1), tests), blocks, tests)[1][0]


@pytest.mark.parametrize(
    ("tests", "together"), [(1, 1), (6, 4), (28, 6), (6, 1), (168, 1), (4_999, 1), (990 * 6, 1)]
)
def test_with_so_many_blocks_a_call_is_possible_and_with_one_fewer_none(tests, together):
    blocks = blocks_needed(tests, together)
    assert clearest_call(tests, blocks * together) == "a"
    assert blocks == 1 or clearest_call(tests, (blocks - 1) * together) == TOO_FEW
