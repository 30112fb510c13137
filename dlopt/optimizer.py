"""The base of all optimizers: subclass it, declare fields and state, write `update`."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, dataclass_transform

import numpy as np

from dlopt import hyperparameters, wrapping
from dlopt.arguments import is_whole, numbers, shown
from dlopt.average import Factor, Floats, locked
from dlopt.equivalents import Equivalent
from dlopt.hyperparameters import Numbers, Trial, decay, positive, rate, share, whole
from dlopt.interfaces import Layer
from dlopt.schedules import Constant, Schedule

UPDATE = ["self", "grad", "state", "lr"]


class State:
    """What an optimizer remembers between steps: its declared arrays (start at 0) and t, the step count.

    t is 1 in the first update. params: what is moved, (K, P), inside `update` before the step. layers: a
    (name, slice, shape) for each weight matrix in the parameters, whose last column is the bias. An
    optimizer's `begin` may set anything more, of any shape whose first axis is the trials'.
    """

    t: int
    layers: tuple[Layer, ...]
    _moved: Floats
    _again: Callable[[Floats], Floats] | None
    _left: int  # of the gradients that may be asked for in this step

    def __init__(self, names: Sequence[str], like: Floats, layers: Sequence[Layer] = ()) -> None:
        self.t, self._moved, self._again, self._left = 0, like, None, 0
        size = like.shape[-1]
        self.layers = tuple(layers) or (Layer("params", slice(0, size), (1, size)),)
        for name in names:
            setattr(self, name, np.zeros_like(like))

    @property
    def params(self) -> Floats:
        """The parameters, read-only: inside `update` those before the step."""
        seen = self._moved.view()
        seen.flags.writeable = False
        return seen

    def again(self, point: Floats) -> Floats:
        """The gradient on the same mini-batch at another point, both (K, P); see `Optimizer.gradients`."""
        if not self._left:
            raise RuntimeError(
                "An optimizer takes more gradients in a step than it declares. "
                "Write for example gradients = 2 in its class."
            )
        if self._again is None:
            raise ValueError(
                "No second gradient can be had here. Give step(..., again=) a function of the parameters."
            )
        self._left -= 1
        return self._again(point)

    if TYPE_CHECKING:  # what it holds is declared elsewhere

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:  # only called for what is missing
        hidden = ("t", "layers", "_moved", "_again", "_left")
        known = ", ".join(k for k in vars(self) if k not in hidden) or "nothing"
        raise AttributeError(f"This optimizer keeps no state {name!r}, but {known}. Declare it in `state`.")


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    eq_default=False,
    field_specifiers=(rate, decay, positive, share, whole),
)
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Optimizer:
    """Base of all optimizers; a subclass becomes a frozen, keyword-only dataclass without ==.

    lr: learning rate, declared by the subclass. Every hyperparameter is a number or one per trial (K of
    them), and then the instance moves K trials at once, params (K, P). schedule: a Schedule, or one per
    trial. A subclass declares `state`, the names of its arrays, and writes `update(grad, state, lr)`, which
    returns the step; the base subtracts it. What is moved is `state.params`, read-only, and its weight
    matrices are `state.layers`. Inside `update` a hyperparameter has the parameters' dtype. What does not
    start at 0 is set in `begin`; what is to be read instead of the parameters is returned by `evaluated`.
    equivalents: how "torch", "optax" and "sklearn" spell it, where they have it; it is not inherited.
    gradients: how many an update takes of its mini-batch, one and those of `state.again`; each counts
    as examples of the budget. scheduled: is a schedule anything for it? Else studies draw none. A class
    with wraps=True wraps others: see `dlopt.wrappers`.
    """

    state: ClassVar[tuple[str, ...]] = ()
    gradients: ClassVar[int] = 1
    scheduled: ClassVar[bool] = True
    _wraps: ClassVar[bool] = False
    equivalents: ClassVar[Mapping[str, Equivalent]] = {}
    if TYPE_CHECKING:
        lr = Numbers()  # each subclass declares its own
    else:
        lr: float
    schedule: Schedule | Sequence[Schedule] = dataclasses.field(default_factory=Constant)

    def __init_subclass__(cls, wraps: bool = False) -> None:
        hyperparameters.declare(cls)
        if wraps:
            wrapping.become_wrapper(cls)
        else:
            wrapping.join(cls)
        for field in dataclasses.fields(cls):
            if "field" not in field.metadata and field.name not in ("lr", "schedule"):
                raise TypeError(
                    f"{cls.__name__}.{field.name} is annotated, and declares no hyperparameter. "
                    f"Write for example {field.name}: Numbers = positive(default=0.1), or no annotation."
                )
        if not wraps and "lr" not in hyperparameters.declared(cls):
            raise TypeError(
                f"{cls.__name__} declares no learning rate. "
                "Add: lr: Numbers = rate(default=1e-3, search=(1e-5, 1))."
            )
        if not is_whole(cls.gradients) or cls.gradients < 1:
            raise TypeError(
                f"{cls.__name__}.gradients must be a whole number >= 1, not {shown(cls.gradients)}. "
                "Leave it out for one gradient a step."
            )
        if isinstance(cls.state, str):
            raise TypeError(f"{cls.__name__}.state must be a tuple of names. Write ({cls.state!r},).")
        if not isinstance(cls.state, tuple | list) or not all(isinstance(name, str) for name in cls.state):
            raise TypeError(f"{cls.__name__}.state must be a tuple of names, not {shown(cls.state)}.")
        for name in cls.state:
            if not name.isidentifier() or hasattr(State, name) or name in State.__annotations__:
                raise TypeError(
                    f"{cls.__name__}.state cannot have an array named {name!r}. Give it a name of its own."
                )
        if (taken := list(inspect.signature(cls.update).parameters)) != UPDATE:
            raise TypeError(
                f"{cls.__name__}.update takes ({', '.join(taken)}). It must take ({', '.join(UPDATE)}); "
                "the parameters are state.params, their weight matrices state.layers."
            )

    def __post_init__(self) -> None:
        hyperparameters.settle(self)
        name, given = type(self).__name__, self.schedule
        listed = [given] if isinstance(given, Schedule) else given
        if (
            not isinstance(listed, list | tuple)
            or not listed
            or not all(isinstance(s, Schedule) for s in listed)
        ):
            raise TypeError(
                f"{name}.schedule must be a schedule, or a list with one per trial, not {shown(given)}. "
                "Write for example Exponential(gamma=0.95)."
            )
        rows = [s.rowwise() for s in listed]
        if len(listed) > 1 and any(len(row) > 1 for row in rows):
            raise TypeError(
                f"{name}.schedule lists a schedule that is itself for several trials: {shown(given)}. "
                "Give one schedule for each trial."
            )
        flat = [s for row in rows for s in row]
        if hyperparameters.rows(self) not in (1, len(flat)) and len(flat) > 1:
            raise ValueError(
                f"{name} has hyperparameters for {hyperparameters.rows(self)} trials and schedules for "
                f"{len(flat)}. Give one schedule per trial, or one for all."
            )
        schedule = tuple(flat) if len(flat) > 1 else flat[0]
        object.__setattr__(self, "schedule", schedule)

    def update(self, grad: Floats, state: State, lr: Any) -> Floats:
        """Return the step to subtract from the parameters; change the state's arrays in place."""
        raise NotImplementedError

    def begin(self, state: State) -> None:
        """Set what of the state does not start at 0, before the first step; see `State`."""

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return the parameters (K, P) to be read on validation and test; by default those that move."""
        return params

    def seen(self, params: Floats, state: State) -> Floats:
        """What `evaluated` returns, in the dtype of params, which do not change."""
        return self.bind(params.dtype).evaluated(params, state)

    @functools.cached_property
    def rows(self) -> int:
        """How many trials this optimizer moves at once."""
        return max(hyperparameters.rows(self), len(self.schedule) if isinstance(self.schedule, tuple) else 1)

    def lr_at(self, epoch: int) -> Any:
        """The learning rate in an epoch (from 0): a float, or a (K, 1) column, float64."""
        lr: Any = self.lr
        if isinstance(self.schedule, Schedule):
            return lr * self.schedule.factor(epoch)
        return lr * np.array([[s.factor(epoch)] for s in self.schedule])

    def step(
        self,
        params: Floats,
        grad: Floats,
        state: State | None = None,
        *,
        epoch: int = 0,
        layers: Sequence[Layer] = (),
        again: Callable[[Floats], Floats] | None = None,
    ) -> tuple[Floats, State]:
        """Return the parameters after one step and the new state.

        params, grad: (P,), or (K, P) for K trials; neither is changed. state: None before the first step,
        afterwards what the last step returned; it is consumed. epoch: for the schedule, from 0. layers: of
        the first step, such as `MLP(64).layers(30, 2)`; by default all parameters are one row of a layer,
        whose last one is its bias.
        again: the gradient of the same mini-batch at other parameters, for optimizers that ask for it.
        Raises ValueError if the shapes do not fit.
        """
        params, grad = numbers("params", params), numbers("grad", grad)
        if params.dtype.kind != "f":
            params = params.astype(np.float64)
        fits = params.shape == grad.shape and params.ndim in (1, 2)
        if not fits or (self.rows > 1 and params.shape[:-1] != (self.rows,)):
            raise ValueError(
                f"{type(self).__name__} of {self.rows} trial(s) got params {params.shape} and grad "
                f"{grad.shape}. Both must be ({self.rows}, P), or (P,) for one trial."
            )
        moved, bound = params.copy(), self.bind(params.dtype)
        state = bound.new_state(moved, layers) if state is None else state
        for kept in self.state:
            if getattr(state, kept).shape != moved.shape:
                raise ValueError(
                    f"The state is of params {getattr(state, kept).shape}, and these are {moved.shape}. "
                    "Pass None for a new start, or what the last step returned."
                )
        lr = bound.cast(self.lr_at(epoch), params)
        bound.move(moved, grad.astype(params.dtype, copy=False), state, lr, again)
        return moved, state

    @staticmethod
    def cast(value: Any, like: Floats) -> Any:
        """A number or a (K, 1) column in the dtype of `like`."""
        return locked(np.asarray(value).astype(like.dtype))

    def bind(self, dtype: np.dtype[Any]) -> Self:
        """A twin whose hyperparameters have the parameters' dtype, decays as Factor; made once each."""
        bound: dict[Any, Self] = self.__dict__.setdefault("_bound", {})
        if dtype not in bound:
            twin = copy.copy(self)
            for name, field in hyperparameters.declared(type(self)).items():
                if name == "lr":  # it meets its schedule in float64 first
                    continue
                exact = np.asarray(getattr(self, name), np.float64)
                if exact.ndim and np.all(exact == exact.flat[0]):
                    exact = np.asarray(exact.flat[0])  # the same bits; a column costs up to twice as much
                cast = Factor(exact, dtype) if field.complement else locked(exact.astype(dtype))
                object.__setattr__(twin, name, cast)
            bound[dtype] = twin
        return bound[dtype]

    def new_state(self, params: Floats, layers: Sequence[Layer] = ()) -> State:
        """The state before the first step from these parameters, of a bound optimizer."""
        state = State(self.state, params, layers)
        self.begin(state)
        return state

    def move(
        self,
        params: Floats,
        grad: Floats,
        state: State,
        lr: Any,
        again: Callable[[Floats], Floats] | None = None,
    ) -> None:
        """Take one step in place: what `step` and `train` share. lr: already of the epoch and dtype."""
        state.t += 1
        state._moved, state._again, state._left = params, again, self.gradients - 1
        params -= self.update(grad, state, lr)

    def __repr__(self) -> str:
        shown = "" if isinstance(self.schedule, Constant) else f", schedule={self.schedule!r}"
        return f"{type(self).__name__}({hyperparameters.describe(self)}{shown})"


def listed(optimizers: Any) -> list[Any]:
    """Several as a list, or what is alone in one; see `all_optimizers`."""
    try:
        return list(optimizers)
    except TypeError:
        return [optimizers]


def all_optimizers(taker: str, given: Sequence[Any]) -> None:
    """Raise TypeError, which names who takes them, unless all of these are optimizers."""
    for one in given:
        if not isinstance(one, Optimizer):
            raise TypeError(f"{taker} needs optimizers, not {shown(one)}. Give for example [Adam(lr=0.1)].")


def join(optimizers: Sequence[Optimizer], blocks: int = 1) -> Optimizer:
    """One optimizer that moves the trials of several of the same class, in order.

    Trials that are listed block after block come out with the blocks innermost.
    """
    if len(optimizers) == 1 and blocks == 1:
        return optimizers[0]
    kind = type(optimizers[0])
    columns: dict[str, list[Any]] = {name: [] for name in hyperparameters.declared(kind)}
    schedules: list[Schedule] = []
    for one in optimizers:
        for name, column in columns.items():
            column.extend(np.broadcast_to(np.reshape(getattr(one, name), (-1,)), (one.rows,)))
        given = one.schedule
        schedules.extend([given] * one.rows if isinstance(given, Schedule) else given)
    order = np.arange(len(schedules)).reshape(blocks, -1).T.ravel().tolist()
    inner = {name: [column[i] for i in order] for name, column in columns.items()}
    same = len(set(map(id, schedules))) == 1
    return kind(**inner, schedule=schedules[0] if same else [schedules[i] for i in order])


class Group(NamedTuple):
    """The rows of one optimizer, which is bound to their dtype."""

    optimizer: Optimizer
    rows: slice
    state: State


def placed(groups: Sequence[Optimizer], params: Floats, layers: Sequence[Layer] = ()) -> list[Group]:
    """Each optimizer bound to the dtype of params (K, P), its rows, and a new state."""
    found, start = list[Group](), 0
    for group in groups:
        rows, bound = slice(start, start + group.rows), group.bind(params.dtype)
        found.append(Group(bound, rows, bound.new_state(params[rows], layers)))
        start += group.rows
    return found


def suggest(
    trial: Trial,
    optimizer: type[Optimizer],
    *,
    schedule: type[Schedule] | None = None,
    search: Mapping[str, tuple[float, float]] | None = None,
    **fixed: float,
) -> Optimizer:
    """Draw an optimizer of the given class from its declared search ranges.

    trial: an Optuna trial, or anything with `suggest_float(name, low, high, log=True)`. Names are the
    fields' ("lr"), decays as their distance to 1 ("1-beta1"), in declared order, the schedule's last.
    search: other ranges, by field name, of the searched quantity. fixed: fields that are not drawn, such
    as beta1=0.9, or the epochs of a schedule. Raises TypeError for a field that neither class has and for
    what is no class, ValueError for what is no range.
    """
    kinds: list[Any] = []
    for word, kind, base in (("optimizer", optimizer, Optimizer), ("schedule", schedule, Schedule)):
        if kind is None and word == "schedule":
            continue
        if not isinstance(kind, type) or not issubclass(kind, base) or kind is base:
            raise TypeError(
                f"suggest needs a class of {word}s, not {shown(kind)}. Give the class itself, such as "
                f"{'Adam' if word == 'optimizer' else 'Exponential'}."
            )
        kinds.append(kind)
    if not callable(getattr(trial, "suggest_float", None)):
        raise TypeError(f"suggest needs a trial, not {shown(trial)}. Give what study.ask() returns.")
    search = {} if search is None else search
    if not isinstance(search, Mapping):
        raise TypeError(f"search must be a dictionary, not {shown(search)}. Write {{'lr': (1e-4, 1)}}.")
    known = {name for kind in kinds for name in hyperparameters.declared(kind)}
    for name in [*search, *fixed]:
        if name not in known:
            raise TypeError(
                f"{optimizer.__name__} has no field {shown(name)}. It has: {', '.join(sorted(known))}."
            )
    for name, ends in search.items():
        if not hyperparameters.is_range(ends):
            raise ValueError(
                f"{name} cannot be searched in {shown(ends)}. Give (low, high) with 0 < low <= high."
            )
    drawn: list[dict[str, Any]] = []
    for kind in kinds:
        values = {}
        for name, field in hyperparameters.declared(kind).items():
            if name in fixed:
                values[name] = fixed[name]
            elif field.search is not None or name in search:
                values[name] = field.suggest(trial, name, search.get(name))
        drawn.append(values)
    if schedule is not None:
        drawn[0]["schedule"] = schedule(**drawn[1])
    return optimizer(**drawn[0])
