"""How one optimizer wraps another: `class LookaheadAdam(Lookahead, Adam)`, or `Lookahead(Adam(lr=0.1))`.

A wrapper is a class that is declared with `wraps=True`: it has fields and state of its own, and its `update`,
`begin` and `evaluated` call those of the wrapped one by `super()`. Learning rate and schedule are the wrapped
one's.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
from typing import Any

from dlopt.arguments import shown


def is_wrapper(cls: type) -> bool:
    """Is this a wrapper that wraps nothing yet?"""
    return bool(vars(cls).get("_wraps", False))


def become_wrapper(cls: Any) -> None:
    """Leave a class its own fields only; it is called with what it wraps."""
    own = inspect.get_annotations(cls)
    cls.__dataclass_fields__ = {
        name: field for name, field in cls.__dataclass_fields__.items() if name in own
    }
    cls._wraps, cls.__new__ = True, _new


def join(cls: Any) -> None:
    """Make one class of a wrapper and what it wraps: the state of both, and `of` in its call."""
    bases = [base for base in cls.__mro__[1:] if hasattr(base, "_wraps")]
    if not any(map(is_wrapper, bases)):
        return
    layers = list(itertools.takewhile(is_wrapper, bases))
    inner = bases[len(layers)]
    for one in layers:
        if one.evaluated is not bases[-1].evaluated is not inner.evaluated:
            raise TypeError(
                f"{one.__name__} and {inner.__name__} each evaluate a point of their own. "
                "One cannot wrap the other: write a class of your own that does both."
            )
    names: dict[str, dict[str, str]] = {"field": {}, "state": {}}
    for one in [*layers, inner]:
        for kind, own in (("field", _fields(one)), ("state", one.state)):
            for name in own:
                if name in names[kind]:
                    raise TypeError(
                        f"{one.__name__} and {names[kind][name]} both have a {kind} named {name!r}. "
                        "One cannot wrap the other: write a class of your own that does both."
                    )
                names[kind][name] = one.__name__
    if layers and "state" not in vars(cls):
        cls.state = tuple(name for one in [inner, *reversed(layers)] for name in one.state)
    made = cls.__init__

    @functools.wraps(made)
    def around(self: Any, of: Any = None, /, **fields: Any) -> None:
        given = {} if of is None else {name: getattr(of, name) for name in [*_fields(type(of)), "schedule"]}
        made(self, **{**given, **fields})

    cls.__init__ = around


def _fields(cls: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if "field" in field.metadata]


def _new(cls: Any, of: Any = None, /, **fields: Any) -> Any:
    """`Lookahead(Adam(lr=0.1), every=5)` is an optimizer, `Lookahead(Adam)` its class."""
    if not is_wrapper(cls):
        return object.__new__(cls)
    kind = of if isinstance(of, type) else type(of)
    if not hasattr(kind, "_wraps") or is_wrapper(kind) or (fields and kind is of):
        raise TypeError(
            f"{cls.__name__} wraps an optimizer, not {shown(of)}. Write for example "
            f"{cls.__name__}(Adam(lr=0.1))."
        )
    made = _class(cls, kind)
    return made if kind is of else object.__new__(made)


@functools.cache
def _class(wrapper: Any, kind: Any) -> Any:
    for known in wrapper.__subclasses__():
        if known.__bases__ == (wrapper, kind) and known.__module__ == wrapper.__module__:
            return known
    about = f"{kind.__name__} inside {wrapper.__name__}."
    module = kind.__module__ if wrapper.__module__.startswith("dlopt.") else wrapper.__module__
    name = f"{wrapper.__name__}{kind.__name__}"
    return type(name, (wrapper, kind), {"__doc__": about, "__module__": module, "__reduce__": _pickled})


def _pickled(optimizer: Any) -> tuple[Any, tuple[Any, ...]]:
    """How an instance of a class that was made on the way is made again in another process."""
    wrapper, kind = type(optimizer).__bases__
    fields = {name: getattr(optimizer, name) for name in [*_fields(type(optimizer)), "schedule"]}
    return _again, (wrapper, kind, fields)


def _again(wrapper: Any, kind: Any, fields: dict[str, Any]) -> Any:
    return _class(wrapper, kind)(**fields)
