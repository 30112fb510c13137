"""An optimizer's steps taken by NumPy and by its compiled loop, on gradients that hold whatever there is."""

import ctypes

import numpy as np

from dlopt.engine import loops
from dlopt.engine.formula import read

SINGLE = np.dtype(np.float32)
STEPS = 40
EDGES = [0.0, -0.0, 1e-45, -1e-45, 1.1754942e-38, -1e-40, 3.4e38, -3.4e38, 1.0, -1.0, 1e19, 1e-20]
BEYOND = [np.inf, -np.inf, np.nan]
KIND = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)


def gradients(rows, size, seed, beyond=True):
    """(STEPS, rows, size): numbers of all magnitudes, zeros, denormals; and inf and NaN if beyond."""
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(STEPS, rows, size)) * 10.0 ** rng.integers(-6, 4, (STEPS, rows, size))
    made = made.astype(np.float32)
    odd = rng.random(made.shape)
    made[odd < 0.1] = rng.choice(np.array(EDGES, np.float32), int((odd < 0.1).sum()))
    if beyond:
        made[odd > 0.98] = rng.choice(np.array(BEYOND, np.float32), int((odd > 0.98).sum()))
    return made


def start(rows, size, seed):
    """Parameters (rows, size), some of which are zeros of either sign."""
    rng = np.random.default_rng([seed, 1])
    made = rng.normal(size=(rows, size)).astype(np.float32)
    made[rng.random(made.shape) < 0.2] = -0.0
    made[rng.random(made.shape) < 0.1] = 0.0
    return made


def rates(optimizer, every=10):
    """The learning rate of each step, as training has it: one object for an epoch of so many steps."""
    bound = optimizer.bind(SINGLE)
    found = []
    for epoch in range(STEPS // every):
        found += [bound.cast(bound.lr_at(epoch), np.zeros(0, np.float32))] * every
    return found


def by_numpy(optimizer, params, grads):
    """Parameters and state arrays after all steps: what `Optimizer.move` makes of them."""
    bound, params = optimizer.bind(SINGLE), params.copy()
    state = bound.new_state(params)
    with np.errstate(all="ignore"):
        for grad, lr in zip(grads, rates(optimizer), strict=True):
            bound.move(params, grad.copy(), state, lr)
    return [params, *(getattr(state, name) for name in bound.state)]


def by_loop(optimizer, params, grads, lanes=loops.LANES):
    """Likewise, by the loop; raises Unreadable where there is none."""
    bound, params = optimizer.bind(SINGLE), params.copy()
    learning = rates(optimizer)
    formula, columns = read(bound, learning[0])
    count, (rows, size) = len(bound.state), params.shape
    states = np.zeros((rows, max(count, 1), size), np.float32)
    begun = bound.new_state(params)
    for i, name in enumerate(bound.state):
        states[:, i] = getattr(begun, name)
    numbers = np.zeros((rows, STEPS, len(columns) + 1), np.float32)
    with np.errstate(all="ignore"):
        for j, column in enumerate(columns):
            column.over(bound, 1, learning, numbers[:, :, j])
    run = KIND(loops.address(formula, lanes))
    for k in range(rows):
        for t in range(STEPS):
            grad = grads[t, k].copy()
            run(*(a.ctypes.data for a in (params[k], grad, states[k], numbers[k, t])), size)
    return [params, *(states[:, i] for i in range(count))]


def same(found, expected):
    """The same bytes, where any NaN is any other."""
    return all(
        ((a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))).all()
        for a, b in zip(map(np.ascontiguousarray, found), map(np.ascontiguousarray, expected), strict=True)
    )
