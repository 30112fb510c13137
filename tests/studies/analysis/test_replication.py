"""How often a call comes again, held against repetitions that are really made."""

import numpy as np
import pytest
from scipy import stats

from studies.analysis.replication import again
from studies.analysis.statistics import sign_flip, signed_ranks

LEVEL = 0.05 / 168


def studies(spread, rng, tests=168, blocks=20):
    """Differences of a study and of its repetition, whose true shifts spread about 0."""
    shifts = rng.normal(0, spread, (tests, 1))
    return [shifts + rng.normal(size=(tests, blocks)) for _ in range(2)]


# Of large differences ranks know less than their normal z: more of them come again than is said.
@pytest.mark.parametrize(("spread", "more"), [(0.2, 0.06), (0.4, 0.06), (0.8, 0.2)])
def test_calls_come_again_as_often_as_is_said(spread, more):
    rng, said, came = np.random.default_rng(int(100 * spread)), [], []
    for _ in range(120):
        first, second = studies(spread, rng)
        p, q = (sign_flip(signed_ranks(d)) for d in (first, second))
        called = p <= LEVEL
        ways = [np.sign(signed_ranks(d).sum(axis=1)) for d in (first, second)]
        said += again(p, LEVEL)[called].tolist()
        came += ((q <= LEVEL) & (ways[0] == ways[1]))[called].tolist()
    assert len(came) > 50
    assert -0.06 < np.mean(came) - np.mean(said) < more


def test_a_call_among_many_that_say_nothing_seldom_comes_again():
    p = np.concatenate([[LEVEL / 2], np.linspace(0.01, 1, 167)])
    among_nothing = again(p, LEVEL)[0]
    among_many = again(np.full(168, LEVEL / 2), LEVEL)[0]
    assert among_nothing < 0.02
    assert 0.35 < among_many < 0.65  # which are true, just at the level


@pytest.mark.parametrize("level", [0.05, LEVEL])
def test_a_smaller_p_comes_again_more_often_and_certainty_is_certain(level):
    p = np.array([1.0, 0.2, 0.01, 1e-4, 1e-8, 2.0**-300, 0.0])
    shares = again(p, level)
    assert (np.diff(shares) >= 0).all()
    assert shares[0] < 0.1
    assert shares[-1] == pytest.approx(1)


def test_where_nothing_differs_a_call_is_luck():
    shares = again(np.linspace(0.5, 1, 50), LEVEL)
    assert shares == pytest.approx(np.full(50, stats.norm.sf(stats.norm.isf(LEVEL / 2))))
