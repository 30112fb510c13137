"""Optimizers whose `update` hypothesis draws, as the text that somebody might have written."""

import numpy as np
from hypothesis import strategies as st

from dlopt import Optimizer, decay, positive, rate

ARRAYS = ["grad", "state.params", "state.a", "state.b"]
NUMBERS = [
    "lr", "self.eps", "self.beta", "(1 - self.beta)", "(lr / (1 + self.eps * state.t))", "(1 / state.t)",
    "self.beta ** state.t", "np.sqrt(self.eps)", "(lr * self.eps)", "(2.0 ** -state.t)", "state.t",
    "0.5", "3", "-2.0", "0.0", "1e-30", "1e30", "0.1",
]  # fmt: skip
ONE = ["abs({})", "np.sqrt({})", "(-{})", "np.square({})", "np.sign({})", "({})**2", "({})**0.5",
       "np.reciprocal({})", "({})**-1", "(+{})", "({}).copy()", "np.absolute({})"]  # fmt: skip
TWO = ["({} + {})", "({} - {})", "({} * {})", "({} / {})"]
TIES = ["np.maximum({}, {})", "np.minimum({}, {})"]
CONDITIONS = ["({} > {})", "({} <= {})", "({} == {})", "({} != {})", "np.less({}, {})", "({} >= {})"]
PLACES = ["state.a", "state.b"]
WRITES = ["{0} += {1}", "{0} *= {1}", "{0}[...] = {1}", "np.multiply({0}, {1}, out={0})", "{0} -= {1}",
          "{0}[:] = {1}", "np.add({0}, {1}, out={0})"]  # fmt: skip


def arrays(depth, ties):
    """Expressions of the parameters' shape."""
    if depth == 0:
        return st.sampled_from(ARRAYS)
    inner = arrays(depth - 1, ties)
    other = inner | st.sampled_from(NUMBERS)
    filled = st.builds(lambda form, *parts: form.format(*parts), st.sampled_from(ONE), inner)
    pair = st.sampled_from(TWO + (TIES if ties else []))
    filled |= st.builds(lambda form, a, b: form.format(a, b), pair, inner, other)
    filled |= st.builds(lambda form, a, b: form.format(b, a), pair, inner, other)
    condition = st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(CONDITIONS), inner, other)
    filled |= st.builds("np.where({}, {}, {})".format, condition, inner, other)
    filled |= st.builds("({} * {})".format, condition, inner)
    both = st.builds("np.where({} & ~{}, {}, {})".format, condition, condition, inner, inner)
    return inner | filled | both


def updates(ties):
    """Lines of `update`: some writes to the state, and the step."""
    write = st.builds(
        lambda form, place, value: form.format(place, value),
        st.sampled_from(WRITES), st.sampled_from(PLACES), arrays(2, ties),
    )  # fmt: skip
    step = st.builds("return lr * {}".format, arrays(3, ties))
    return st.builds(lambda writes, last: [*writes, last], st.lists(write, max_size=3), step)


def written(lines):
    """An optimizer class with this `update`."""
    space = {"np": np}
    exec("def update(self, grad, state, lr):\n    " + "\n    ".join(lines), space)
    names = {"lr": float, "beta": float, "eps": float}
    fields = {"lr": rate(0.01), "beta": decay(0.9), "eps": positive(0.3)}
    return type("Drawn", (Optimizer,), {**fields, "__annotations__": names, "state": ("a", "b"), **space})
