"""Whatever formula somebody writes: its loop has NumPy's bytes, or there is none."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlopt.engine.formula import Unreadable
from tests.support.drawn import updates, written
from tests.support.loops import by_loop, by_numpy, gradients, same, start

SIZE = 19  # of two registers, and some parameters beside them
READ = [0, 0]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(lines=updates(ties=False), rows=st.sampled_from([1, 3]), seed=st.integers(0, 5), beyond=st.booleans())
def has_numpys_bytes_or_no_loop(lines, rows, seed, beyond):
    values = {} if rows == 1 else {"lr": [0.01, 0.3, 2.0], "beta": [0.9, 0.5, 0.0], "eps": [0.3, 0.0, 1e-8]}
    optimizer = written(lines)(**values)
    params, grads = start(rows, SIZE, seed), gradients(rows, SIZE, seed, beyond)
    READ[0] += 1
    try:
        found = by_loop(optimizer, params, grads)
    except Unreadable:
        return
    READ[1] += 1
    assert same(found, by_numpy(optimizer, params, grads))


def test_a_drawn_update_has_a_loop_with_numpys_bytes_and_most_have_one():
    READ[:] = 0, 0
    has_numpys_bytes_or_no_loop()
    assert READ[0] >= 150
    assert READ[1] > 0.8 * READ[0]
