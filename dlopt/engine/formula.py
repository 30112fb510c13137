"""An optimizer's `update`, read once with symbols instead of arrays.

What comes out is a list of operations for one parameter, which `dlopt.engine.loops` compiles. Taken is only
what IEEE 754 fixes to the last bit, so that NumPy's bytes are the loop's: + - * /, roots, absolute values,
maxima, signs, comparisons, `np.where`. Anything else, such as a norm, a layer, a decision by the step count,
raises `Unreadable`, and NumPy runs that optimizer's `update` on the compiled gradient.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlopt.average import Factor
from dlopt.engine import HIDDEN
from dlopt.hyperparameters import declared
from dlopt.optimizer import Optimizer

SINGLE = np.dtype(np.float32)
Table = NDArray[np.float32]


class Unreadable(Exception):  # noqa: N818  # it is no error: NumPy takes over
    """This update is for NumPy."""


# what a loop can do, by NumPy's name: how many operands, of truth values or numbers, and what comes out
NUMBERS = {
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "minimum"), 2),
    **dict.fromkeys(("at least", "at most"), 2),  # the halves of np.clip: of equals they take the first
    **dict.fromkeys(("sqrt", "negative", "absolute", "square", "sign", "positive", "reciprocal"), 1),
}
COMPARISONS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")
LOGIC = {
    **dict.fromkeys(("logical_and", "bitwise_and"), "and"),
    **dict.fromkeys(("logical_or", "bitwise_or"), "or"),
    **dict.fromkeys(("logical_not", "invert"), "not"),
}


class Operation(NamedTuple):
    """One line of a loop: its result is the value number that its place in the list says.

    name: of NumPy, or "where", "and", "or", "not", or what is read: "params", "grad", "state", "number" (of
    the row, in this step), "constant". operands: places of earlier values; of what is read an index, of a
    constant its bits.
    """

    name: str
    operands: tuple[Any, ...]
    truth: bool = False  # else a float32


class Formula(NamedTuple):
    """What one step does to one parameter: its operations, the step, what each state array becomes."""

    operations: tuple[Operation, ...]
    step: int
    states: tuple[int, ...]
    numbers: int  # how many numbers of its own a row has in a step


class Column:
    """A number per row, as NumPy computes it: of(optimizer, t, lr) is () or (K, 1).

    needs: which of "t" and "lr" it depends on. table: of an optimizer, a step and how many, all of them at
    once, (T, ...). is_step: it is t.
    """

    is_step = False

    def __init__(
        self,
        of: Callable[[Any, int, Any], Any],
        needs: frozenset[str] = frozenset(),
        table: Callable[[Any, int, int], Any] | None = None,
    ) -> None:
        self.of, self.needs, self.table = of, needs, table

    def over(self, optimizer: Optimizer, first: int, rates: Sequence[Any], into: Table) -> None:
        """Fill into (K, T) for the steps from the first on, whose learning rates are given one by one."""
        if self.table:
            into[:] = self.table(optimizer, first, len(rates)).reshape(len(rates), -1).T
        elif not self.needs:
            into[:] = np.reshape(self.of(optimizer, 1, rates[0]), (-1, 1))
        else:
            last, value = None, None
            for i, lr in enumerate(rates):
                if "t" in self.needs or lr is not last:
                    last, value = lr, np.reshape(self.of(optimizer, first + i, lr), -1)
                into[:, i] = value

    def _joined(self, function: Callable[..., Any], operands: Sequence[Any]) -> Any:
        if any(isinstance(one, Symbol) for one in operands):
            return NotImplemented
        parts = [_of(one) for one in operands]
        needs = frozenset().union(*(one.needs for one in operands if isinstance(one, Column)))
        return Column(lambda o, t, lr: function(*(part(o, t, lr) for part in parts)), needs)

    def deferred(self, function: Callable[..., Any], given: Sequence[Any]) -> Column:
        """What a function makes of columns, decays and numbers: see `dlopt.average.number_of`."""
        return _deferred(function, given)

    def __bool__(self) -> bool:
        raise Unreadable("a decision by a hyperparameter or the step count")

    def __hash__(self) -> int:
        return int(bool(self))

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: bool(self)

    def __neg__(self) -> Any:
        return self._joined(operator.neg, [self])

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        if method != "__call__" or more or ufunc.__name__ not in NUMBERS:
            raise Unreadable(f"{ufunc.__name__}.{method}")
        return self._joined(ufunc, inputs)

    def __pow__(self, exponent: Any) -> Any:
        raise Unreadable("a power of a number")  # libm's, but for a decay's

    def __rpow__(self, base: Any) -> Any:
        raise Unreadable("a power by a number")


def _of(operand: Any) -> Callable[[Any, int, Any], Any]:
    given = operand.value if isinstance(operand, _Decay) else operand
    of: Callable[[Any, int, Any], Any] = getattr(given, "of", lambda o, t, lr: given)
    return of


def _deferred(function: Callable[..., Any], given: Sequence[Any]) -> Column:
    parts = [one._of if isinstance(one, _Decay) else _of(one) for one in given]
    needs = frozenset().union(
        *(one._needs if isinstance(one, _Decay) else getattr(one, "needs", ()) for one in given)
    )
    return Column(lambda o, t, lr: function(*(part(o, t, lr) for part in parts)), needs)


def _arithmetic(name: str) -> None:
    function = getattr(operator, name)
    setattr(Column, f"__{name}__", lambda a, b: a._joined(function, [a, b]))
    setattr(Column, f"__r{name}__", lambda a, b: a._joined(function, [b, a]))


for _name in ("add", "sub", "mul", "truediv"):
    _arithmetic(_name)


class _Decay(Factor):
    """A decay whose value, distance to 1, powers and corrections are columns. of: the decay itself."""

    def __init__(self, of: Callable[[Any, int, Any], Factor], needs: frozenset[str] = frozenset()) -> None:
        self._of, self._needs = of, needs
        self.value = Column(lambda o, t, lr: of(o, t, lr).value, needs)
        self.complement = Column(lambda o, t, lr: of(o, t, lr).complement, needs)

    def deferred(self, function: Callable[..., Any], given: Sequence[Any]) -> Column:
        """As `Column.deferred`."""
        return _deferred(function, given)

    def __getattr__(self, name: str) -> Any:
        raise Unreadable(f"a decay's {name}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Table:
        raise Unreadable("a decay as a plain array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        if ufunc.__name__ not in NUMBERS:
            raise Unreadable(ufunc.__name__)
        return super().__array_ufunc__(ufunc, method, *inputs, **more)

    def correction(self, t: Any) -> Any:
        of, step, table = self._of, _of(t), None
        if isinstance(t, Column) and t.is_step and not self._needs:

            def table(o: Any, first: int, count: int) -> Any:
                return of(o, 1, None).corrections(first, count)

        return Column(lambda o, i, lr: of(o, i, lr).correction(step(o, i, lr)), self._with(t), table)

    def __pow__(self, t: Any) -> Any:
        of, step = self._of, _of(t)
        return _Decay(lambda o, i, lr: of(o, i, lr) ** step(o, i, lr), self._with(t))

    def _with(self, t: Any) -> frozenset[str]:
        return self._needs | (t.needs if isinstance(t, Column) else frozenset())


def _symbolic(name: str, value: Any) -> Any:
    """A hyperparameter that no function can be taken of, and no decision by it, without being seen."""
    if isinstance(value, Factor):
        return _Decay(lambda o, t, lr: getattr(o, name))
    return Column(lambda o, t, lr: getattr(o, name))


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the parameters' shape, of which only is known how it is made."""

    ndim, dtype = 2, SINGLE

    def __init__(self, trace: _Trace, value: int, truth: bool = False, fixed: bool = False) -> None:
        self._trace, self._value, self._truth, self._fixed = trace, value, truth, fixed

    def __bool__(self) -> bool:
        raise Unreadable("a decision by an array")

    def __getattr__(self, name: str) -> Any:
        raise Unreadable(f"an array's {name}")

    def copy(self) -> Symbol:
        """A copy that does not change with this array."""
        return Symbol(self._trace, self._value, self._truth)

    def __pow__(self, exponent: Any) -> Any:
        known = {2: "square", 0.5: "sqrt", 1: "positive", -1: "reciprocal"}  # as NumPy has it
        if isinstance(exponent, bool | np.generic) or exponent not in known:
            raise Unreadable(f"a power of {exponent}")
        return self._trace.let(known[exponent], [self])

    def __setitem__(self, where: Any, value: Any) -> None:
        if where is not Ellipsis and where != slice(None):
            raise Unreadable("an index")
        self._become(self._trace.let("positive", [value]))

    def __getitem__(self, where: Any) -> Any:
        raise Unreadable("an index")

    def _become(self, made: Symbol) -> None:
        if self._fixed or made._truth != self._truth:
            raise Unreadable("a write to what is not to be changed")
        self._value = made._value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **more: Any) -> Any:
        if method != "__call__" or more:
            raise Unreadable(f"{ufunc.__name__}.{method}")
        made = self._trace.let(ufunc.__name__, inputs)
        if out is None:
            return made
        if not isinstance(out[0], Symbol):
            raise Unreadable("a write to an array of its own")
        out[0]._become(made)
        return out[0]

    def __array_function__(self, function: Any, kinds: Any, given: Any, named: Any) -> Any:
        if function is np.where and len(given) == 3 and not named:
            return self._trace.let("where", given)
        ends = not any(isinstance(one, Symbol) for one in given[1:])  # of arrays NumPy has another loop
        if function is np.clip and len(given) == 3 and ends and not named:
            return self._trace.let("at most", [self._trace.let("at least", given[:2]), given[2]])
        if (
            function in (np.zeros_like, np.ones_like)
            and len(given) == 1
            and not named
            and not given[0]._truth
        ):
            return self._trace.constant(float(function is np.ones_like))
        if function is np.copy and len(given) == 1 and not named and isinstance(given[0], Symbol):
            return given[0].copy()
        raise Unreadable(function.__name__)


class _Trace:
    """The operations so far."""

    def __init__(self, optimizer: Optimizer, lr: Any) -> None:
        self.operations: list[Operation] = []
        self.columns: list[Column] = []
        self.optimizer, self.rows, self.lr = optimizer, optimizer.rows, lr

    def add(self, name: str, *operands: Any, truth: bool = False) -> Symbol:
        self.operations.append(Operation(name, operands, truth))
        return Symbol(self, len(self.operations) - 1, truth)

    def constant(self, value: float) -> Symbol:
        return self.add("constant", int(np.float32(value).view(np.uint32)))  # -0 is not 0

    def let(self, name: str, operands: Sequence[Any]) -> Symbol:
        """The operation on what may be symbols, columns and numbers."""
        given = [self._read(one) for one in operands]
        values, truths = [value for value, _, _ in given], [truth for _, truth, _ in given]
        # what has no array of float32 in it is not float32 in NumPy
        single = any(single for _, _, single in given)
        if name in LOGIC:
            if not all(truths):
                raise Unreadable(f"{name} of numbers")
            return self.add(LOGIC[name], *values, truth=True)
        if name == "where":
            if not truths[0] or any(truths[1:]) or not single:
                raise Unreadable("np.where of truth values, or of plain numbers")
            return self.add(name, *values)
        if not single:
            raise Unreadable(f"{name} of truth values")
        if any(truths):
            values = [self._as_number(value, truth) for value, truth in zip(values, truths, strict=True)]
        if name in COMPARISONS and len(values) == 2:
            return self.add(name, *values, truth=True)
        if NUMBERS.get(name) != len(values):
            raise Unreadable(name)
        return self.add(name, *values)

    def _as_number(self, value: int, truth: bool) -> int:
        if not truth:
            return value
        one, zero = self.constant(1.0)._value, self.constant(0.0)._value
        return self.add("where", value, one, zero)._value

    def _read(self, given: Any) -> tuple[int, bool, bool]:
        """The value of an operand; is it a truth value; is it float32 by itself, not Python's own?"""
        if isinstance(given, Symbol):
            if given._trace is not self:
                raise Unreadable(HIDDEN)
            return given._value, given._truth, not given._truth
        if isinstance(given, _Decay):
            given = given.value
        if isinstance(given, Factor | np.ndarray | np.generic):
            fixed = given
            given = Column(lambda o, t, lr: fixed)
        if not isinstance(given, Column):
            if not isinstance(given, bool | int | float):
                raise Unreadable(f"a {type(given).__name__}")
            return self.constant(given)._value, False, False
        seen = given.of(self.optimizer, 1, self.lr)
        plain = isinstance(seen, bool | int | float) and not isinstance(seen, np.generic)
        if not plain and (seen.dtype != SINGLE or seen.shape not in ((), (1, 1), (self.rows, 1))):
            raise Unreadable("a number that is not float32, or an array of its own")
        known = [i for i, column in enumerate(self.columns) if column is given]
        if not known:
            known = [len(self.columns)]
            self.columns.append(given)
        return self.add("number", known[0])._value, False, not plain


class _Symbols:
    """What stands for the state: see `dlopt.State`."""

    def __init__(self, trace: _Trace, names: Sequence[str]) -> None:
        self.t = Column(lambda o, t, lr: t, frozenset("t"))
        self.t.is_step = True
        self.params = trace.add("params")
        self.params._fixed = True
        for i, name in enumerate(names):
            setattr(self, name, trace.add("state", i))

    def __getattr__(self, name: str) -> Any:
        raise Unreadable(f"the state's {name}")


def read(optimizer: Optimizer, lr: Any) -> tuple[Formula, list[Column]]:
    """The formula of an optimizer bound to float32, and the numbers that its rows have in each step.

    lr: a learning rate as `update` gets it. Raises Unreadable, also where a second reading gives another one.
    The suite's own classes are read once: their formulas hang on nothing else.
    """
    kind = type(optimizer)
    key, own = (kind, kind.update), kind.__module__.startswith("dlopt.")
    if own and key in _READ:
        return _READ[key]
    formula, columns = found = _read(optimizer, lr)
    if own:
        _READ[key] = found
    else:
        again, others = _read(optimizer, lr)
        pairs = zip(columns, others, strict=True) if again == formula else [(columns, None)]
        if not all(b is not None and _alike(optimizer, lr, a, b) for a, b in pairs):
            raise Unreadable(HIDDEN)
    return found


_READ: dict[tuple[type, Any], tuple[Formula, list[Column]]] = {}  # by class and its update


def _alike(optimizer: Optimizer, lr: Any, a: Any, b: Column) -> bool:
    return np.array_equal(a.of(optimizer, 1, lr), b.of(optimizer, 1, lr), equal_nan=True)


def _read(optimizer: Optimizer, lr: Any) -> tuple[Formula, list[Column]]:
    trace, names = _Trace(optimizer, lr), tuple(optimizer.state)
    twin = copy.copy(optimizer)
    for name in declared(type(optimizer)):
        if name != "lr":
            object.__setattr__(twin, name, _symbolic(name, getattr(optimizer, name)))
    state = _Symbols(trace, names)
    own = {name: getattr(state, name) for name in names}
    before = dict(vars(twin)), dict(vars(state))
    try:
        with np.errstate(all="ignore"):
            update: Any = twin.update
            step = update(trace.add("grad"), state, Column(lambda o, t, lr: lr, frozenset(["lr"])))
            step = step if isinstance(step, Symbol) else trace.let("positive", [step])
    except Unreadable:
        raise
    except Exception as error:  # NumPy will say it, or have no trouble
        raise Unreadable(f"{type(error).__name__}: {error}") from None
    if step._truth:
        raise Unreadable("a step of truth values")
    for then, now in zip(before, (vars(twin), vars(state)), strict=True):
        if then.keys() != now.keys() or any(now[name] is not one for name, one in then.items()):
            raise Unreadable("what it keeps is not in its state's own arrays")
    states = tuple(one._value for one in own.values())
    return Formula(tuple(trace.operations), step._value, states, len(trace.columns)), trace.columns
