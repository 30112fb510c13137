"""What a hyperparameter may be: `rate`, `decay`, `positive`, `share`, `whole` declare bounds, range, symbol.

From one declaration follow the checks, the repr, the search space (`suggest`), the command line and
the tables of the report.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlopt import arguments
from dlopt.arguments import shown
from dlopt.exact import complement, rounded

Column = NDArray[np.float64]


class Numbers:
    """The type of a hyperparameter. Given is a number, or a sequence or an array with one per trial.

    Got is a float, or a read-only (K, 1) column; inside `update` either has the parameters' dtype.
    """

    if TYPE_CHECKING:  # a type checker reads what is taken and given; at run time it is a name

        def __get__(self, instance: object, owner: Any = None) -> NDArray[Any]:
            """What an optimizer has."""

        def __set__(self, instance: object, value: float | Sequence[float] | NDArray[Any]) -> None:
            """What it is given."""


class Trial(Protocol):
    """The methods that `suggest` needs, the second for whole numbers; Optuna's trials have them."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = ...) -> float:
        """Return a value in [low, high], on the log scale if log."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = ...) -> int:
        """Likewise a whole number."""


@dataclasses.dataclass(frozen=True)
class Field:
    """The declaration behind a hyperparameter.

    low, high: bounds; `closed` says which of the two ends belong to the range ("[", "(", ...).
    search: (low, high) of the searched quantity on the log scale, or None: not searched.
    complement: the searched quantity is 1 - value (a decay close to 1 matters by its distance to 1).
    whole: it counts something.
    """

    low: float
    high: float
    closed: str
    search: tuple[float, float] | None
    complement: bool
    symbol: str | None
    whole: bool = False

    @property
    def bounds(self) -> str:
        """The range in words, such as "lie in [0, 1)"."""
        if self.whole:
            return f"be a whole number >= {self.low:g}"
        if math.isinf(self.low):
            return f"be < {self.high:g} and finite"
        if math.isinf(self.high):
            return f"be {'>=' if self.closed[0] == '[' else '>'} {self.low:g} and finite"
        return f"lie in {self.closed[0]}{self.low:g}, {self.high:g}{self.closed[1]}"

    def accepts(self, value: Column) -> NDArray[np.bool_]:
        """Elementwise: is the value inside the bounds? NaN and inf never are."""
        above = value >= self.low if self.closed[0] == "[" else value > self.low
        below = value <= self.high if self.closed[1] == "]" else value < self.high
        fits: NDArray[np.bool_] = above & below & np.isfinite(value)
        with np.errstate(invalid="ignore"):
            return fits & (value % 1 == 0) if self.whole else fits

    def trial_name(self, name: str) -> str:
        """The name under which a trial records it: "lr", "1-beta1"."""
        return f"1-{name}" if self.complement else name

    def from_trial(self, searched: float) -> float:
        """The hyperparameter from the searched quantity."""
        return complement(searched) if self.complement else float(round(searched) if self.whole else searched)

    def to_trial(self, value: float) -> float:
        """The searched quantity of a hyperparameter: what `from_trial` undoes."""
        return complement(value) if self.complement else value

    def suggest(self, trial: Trial, name: str, search: tuple[float, float] | None = None) -> float:
        """Draw the hyperparameter from its search range, or another one, on the log scale.

        What the trial gives counts to 4 significant digits, of a decay those of 1 - value, so that it is the
        same on every machine; the ends of the range count as they are.
        """
        low, high = search or self.search or (1.0, 1.0)
        if self.whole:
            return float(trial.suggest_int(name, math.ceil(low), math.floor(high), log=True))
        return self.from_trial(
            rounded(trial.suggest_float(self.trial_name(name), low, high, log=True), low, high)
        )


def is_range(search: Any) -> bool:
    """Is it (low, high) with 0 < low <= high and finite?"""
    try:
        low, high = search
        return bool(0 < low <= high < math.inf)
    except (TypeError, ValueError):
        return False


def _field(
    default: float,
    search: tuple[float, float] | None,
    symbol: str | None,
    *,
    bounds: tuple[float, float, str],
    complement: bool = False,
    whole: bool = False,
) -> Any:
    low, high, closed = bounds
    if search is not None and not (is_range(search) and search[0] < search[1]):
        raise ValueError(
            f"A search range must be (low, high) with 0 < low < high, not {shown(search)}.\n"
            "It is searched on the log scale; of a decay it is that of 1 - value."
        )
    declared = Field(low, high, closed, search, complement, symbol, whole)
    return dataclasses.field(default=default, metadata={"field": declared})


def rate(default: float, *, search: tuple[float, float] | None = None, symbol: str | None = None) -> Any:
    """Declare a hyperparameter > 0 and finite, searched on the log scale (learning rates)."""
    return _field(default, search, symbol, bounds=(0.0, math.inf, "()"))


def decay(
    default: float,
    *,
    search: tuple[float, float] | None = None,
    symbol: str | None = None,
    one: bool = False,
    zero: bool = True,
) -> Any:
    """Declare a hyperparameter in [0, 1), searched as 1 - value on the log scale (β, ρ).

    With one=True the range is (0, 1]: a factor that may also leave things as they are (γ); with zero=False
    (0, 1): something is divided by it.
    """
    bounds = (0.0, 1.0, "(]" if one else "[)" if zero else "()")
    return _field(default, search, symbol, bounds=bounds, complement=True)


def positive(default: float, *, search: tuple[float, float] | None = None, symbol: str | None = None) -> Any:
    """Declare a hyperparameter >= 0 and finite (ε, weight decay)."""
    return _field(default, search, symbol, bounds=(0.0, math.inf, "[)"))


def negative(default: float, *, symbol: str | None = None) -> Any:
    """Declare a hyperparameter < 0 and finite, which is not searched (an exponent)."""
    return _field(default, None, symbol, bounds=(-math.inf, 0.0, "()"))


def share(default: float, *, search: tuple[float, float] | None = None, symbol: str | None = None) -> Any:
    """Declare a hyperparameter in [0, 1] that is searched by its own size (a part of something)."""
    return _field(default, search, symbol, bounds=(0.0, 1.0, "[]"))


def whole(
    default: int, *, search: tuple[int, int] | None = None, symbol: str | None = None, least: int = 1
) -> Any:
    """Declare a whole number from `least` on, such as every how many steps something is done."""
    return _field(default, search, symbol, bounds=(float(least), math.inf, "[)"), whole=True)


def declared(owner: type) -> dict[str, Field]:
    """The declared hyperparameters of an optimizer or schedule class, in order.

    Declaration order, with an inherited field where its first declaration stands.
    """
    return dict(_declared(owner))


@functools.cache  # several hundred times a training
def _declared(owner: Any) -> dict[str, Field]:
    return {f.name: f.metadata["field"] for f in dataclasses.fields(owner) if "field" in f.metadata}


def searched(owner: type) -> dict[str, Field]:
    """The declared hyperparameters that have a search range."""
    return {name: field for name, field in declared(owner).items() if field.search is not None}


def as_column(owner: str, name: str, field: Field, value: Any) -> float | Column:
    """Check a hyperparameter; one number is a float, K > 1 numbers become a read-only (K, 1) column.

    Raises ValueError (out of range, NaN, empty, more than one axis) or TypeError (not a number).
    """
    array = arguments.array(f"{owner}.{name}", value)
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{owner}.{name} must be a number or a list of numbers, not {shown(value)}. Write {name}=0.1."
        )
    with np.errstate(over="ignore"):  # a long double may be beyond a double, and is refused as infinite
        array = array.astype(np.float64)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim > 1 or array.size == 0:
        raise ValueError(
            f"{owner}.{name} must be one number or a list with one per trial, not an array of shape "
            f"{array.shape}. Pass a flat list."
        )
    wrong = ~field.accepts(array)
    if wrong.any():
        where = "it is" if array.ndim == 0 else f"trial {int(np.argmax(wrong))} has"
        bad = float(array) if array.ndim == 0 else float(array[np.argmax(wrong)])
        raise ValueError(
            f"{owner}.{name} must {field.bounds}; {where} {bad:g}. Choose a value inside the range."
        )
    if array.size == 1:
        return float(array.reshape(()))
    column = array.reshape(-1, 1).copy()
    column.flags.writeable = False
    return column


def declare(cls: type[Any]) -> None:
    """Make a class a frozen, keyword-only dataclass without ==, as all optimizers and schedules are."""
    dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)


def settle(instance: Any) -> None:
    """Check all hyperparameters of a new instance and bring them to floats or columns of one length."""
    owner, length = type(instance).__name__, 1
    for name, field in declared(type(instance)).items():
        value = as_column(owner, name, field, getattr(instance, name))
        object.__setattr__(instance, name, value)
        if isinstance(value, np.ndarray):
            if length not in (1, len(value)):
                raise ValueError(
                    f"{owner}.{name} has {len(value)} values where another hyperparameter has {length}. "
                    "Give one value per trial, or one for all."
                )
            length = max(length, len(value))


def rows(instance: Any) -> int:
    """How many trials an instance describes: the length of its columns, 1 if all are plain numbers."""
    values = [getattr(instance, name) for name in declared(type(instance))]
    return max([len(v) for v in values if isinstance(v, np.ndarray)], default=1)


def describe(instance: Any) -> str:
    """The repr: class name and hyperparameters, columns shown as lists."""
    values = {name: getattr(instance, name) for name in declared(type(instance))}
    shown = (
        f"{name}={[float(f'{x:.6g}') for x in v[:, 0]] if isinstance(v, np.ndarray) else f'{v:.6g}'}"
        for name, v in values.items()
    )
    return ", ".join(shown)
