"""Optimizers of torch and optax by their import path: "torch:torch.optim.NAdam(weight_decay=0.1)".

Such a text becomes a class like the suite's own: its learning rate has a range, and each further number of
the library's call is a hyperparameter, at the library's default or what the text gives, which --set sets and
--search searches. A pair such as betas is beta1 and beta2. What is no number stays as the text or the library
has it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dlopt import Numbers, Optimizer, State
from dlopt.average import Floats
from dlopt.equivalents import Equivalent
from dlopt.hyperparameters import decay, negative, positive, rate, whole
from dlopt.layered import biases, weights
from dlopt.testing import problems
from studies.errors import UsageError, nearest
from studies.question.libraries import LIBRARIES, Row

SEARCH = (1e-5, 1.0)  # of a learning rate, in which a library declares no range
DECAYS = re.compile(r"(beta|b|rho|alpha|momentum|decay|decay_rate)\d*")  # hyperparameters that are near 1
THEIRS = ("gradients of zero or huge", "descent")  # checks: of formulas that are not ours to mend


class Call(NamedTuple):
    """What a text says. library: "torch" or "optax"; given: its arguments, as they are written."""

    library: str
    path: str
    given: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The class or function alone."""
        return self.path.rpartition(".")[2]

    @property
    def package(self) -> str:
        """What it is imported from."""
        return self.path.partition(".")[0]

    @property
    def words(self) -> str:
        """The call in Python."""
        arguments = ", ".join(f"{name}={value}" for name, value in self.given)
        return f"{self.path}({arguments})" if arguments else self.path

    @property
    def text(self) -> str:
        """What it was read from, in one spelling."""
        return f"{self.library}:{self.words}"


def is_one(text: str) -> bool:
    """Does a text name an optimizer of another library?"""
    return text.partition(":")[0] in LIBRARIES


def read(text: str) -> Call:
    """What a text says, of which nothing is run. Raises UsageError for what is no call with plain values."""
    library, _, words = text.partition(":")
    try:
        node: Any = ast.parse(words.strip(), mode="eval").body
        made = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        path, given = ast.unparse(made.func), {str(one.arg): one.value for one in made.keywords}
        for value in given.values():
            hash(ast.literal_eval(value))
        if made.args or len(given) < len(made.keywords) or not re.fullmatch(r"\w+(\.\w+)+", path):
            raise ValueError
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        example = (
            "torch:torch.optim.NAdam(weight_decay=0.1)" if library == "torch" else "optax:optax.lion(b1=0.95)"
        )
        raise UsageError(
            f"{text!r} is no import path of an optimizer, alone or called with plain values by name.",
            f"Write for example {example}; values are numbers, words, tuples, True, False or None.",
        ) from None
    return Call(library, path, tuple((name, ast.unparse(value)) for name, value in given.items()))


def called(text: str) -> str:
    """The name in all tables: the package and the class in lower case."""
    call = read(text)
    return f"{call.package}-{call.name}".lower()


def source(text: str) -> str:
    """What a class is tied to: its call, and the versions of what it is imported from."""
    call = read(text)
    packages = dict.fromkeys((*LIBRARIES[call.library].needs, call.package))
    return ", ".join([call.words, *(f"{name} {_version(name, call)}" for name in packages)])


def _version(package: str, call: Call) -> str:
    """Of a package; of one that pip does not know, the sha256 of the module that offers the class."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        file = inspect.getfile(importlib.import_module(call.path.rpartition(".")[0]))
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()


class Foreign(Optimizer):
    """An optimizer of another library, with an object or a state of that library for each row."""

    lr: Numbers = rate(default=1e-3, search=SEARCH)
    call: ClassVar[Call]
    make: ClassVar[Any]  # the library's class or function
    parts: ClassVar[dict[str, _Part]] = {}  # by field
    written: ClassVar[str]  # its call, with a field for each hyperparameter

    def bind(self, dtype: np.dtype[Any]) -> Foreign:
        """Itself: a library takes its hyperparameters as they are, and casts as it likes."""
        return self

    def begin(self, state: State) -> None:
        """Make the library's optimizer of each row."""
        kind, rows = LIBRARIES[self.call.library], np.atleast_2d(state.params)
        columns = {name: self._column(getattr(self, name), rows) for name in ("lr", *self.parts)}
        state.theirs = [
            kind(
                self.make,
                self._settings({name: float(column[k]) for name, column in columns.items()}),
                tensors(row, state),
                float(columns["lr"][k]),
            )
            for k, row in enumerate(rows)
        ]

    def _settings(self, values: dict[str, float]) -> tuple[tuple[str, Any], ...]:
        """The arguments of a row's call: those of the text, and what is not at its default."""
        made = {name: ast.literal_eval(value) for name, value in self.call.given}
        made.pop(LIBRARIES[self.call.library].rate, None)
        for name, part in self.parts.items():
            if values[name] != part.default:
                part.put(values[name], made)
        return tuple(made.items())

    @staticmethod
    def _column(value: Any, rows: Floats) -> Floats:
        return np.broadcast_to(np.reshape(value, -1), len(rows))

    def update(self, grad: Floats, state: State, lr: Any) -> Floats:
        """Return the steps that the library takes, row by row."""
        step = state.params.copy()
        rows, rates = np.atleast_2d(step), self._column(lr, np.atleast_2d(step))
        for one, row, gradient, own in zip(state.theirs, rows, np.atleast_2d(grad), rates, strict=True):
            _put(row, state, one.step(tensors(row, state), tensors(gradient, state), float(own)))
        return step

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return what the library reads, where it has averages."""
        read = params.copy()
        for one, row in zip(state.theirs, np.atleast_2d(read), strict=True):
            _put(row, state, one.read(tensors(row, state)))
        return read


def tensors(flat: Floats, state: State) -> list[Floats]:
    """Views of each layer's weights (outputs, inputs) and biases (outputs,) in parameters (P,)."""
    pairs = zip(weights(flat, state), biases(flat, state), strict=True)
    return [one for W, b in pairs for one in (W, b[..., 0]) if one.size]


def _put(flat: Floats, state: State, values: Sequence[Floats]) -> None:
    for into, value in zip(tensors(flat, state), values, strict=True):
        into[...] = value


class _Part(NamedTuple):
    """Where a field stands in the library's call. whole: the argument; place: in a tuple, else -1."""

    argument: str
    whole: Any
    place: int = -1

    @property
    def default(self) -> Any:
        return self.whole if self.place < 0 else self.whole[self.place]

    def put(self, value: float, made: dict[str, Any]) -> None:
        """Set it among the arguments; what is whole by default stays so where it can."""
        given = int(value) if isinstance(self.default, int) and value.is_integer() else value
        if self.place >= 0:
            several = list(made.get(self.argument, self.whole))
            several[self.place] = given
            made[self.argument] = tuple(several)
        else:
            made[self.argument] = given

    def field(self, name: str, annotation: Any) -> Any:
        """Its declaration, by its name and its default."""
        value = self.default
        if isinstance(value, int) and value >= 0 and (value > 1 or annotation in (int, "int")):
            return whole(value, least=0)
        if value < 0:
            return negative(float(value))
        near_1 = DECAYS.fullmatch(name) and value < 1 and (value > 0 or name == "momentum")
        return decay(float(value)) if near_1 else positive(float(value))


@functools.lru_cache(maxsize=64)
def kind(text: str, plain: bool = False) -> type[Foreign]:
    """The class of a text. plain: with no field but the learning rate.

    Raises UsageError for a library that is not installed, a name that it does not have or that is no
    optimizer, and an argument that it does not take.
    """
    call = read(text)
    library, make = LIBRARIES[call.library], _imported(call)
    given = {name: ast.literal_eval(value) for name, value in call.given}
    parameters = inspect.signature(make).parameters
    known = [name for name, one in parameters.items() if one.kind is not one.VAR_KEYWORD and name != "params"]
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        known += [name for name in given if name not in (*known, "params")]
    if wrong := set(given) - set(known):
        raise UsageError(f"{call.path} has no {min(wrong)!r}.", nearest(min(wrong), known))
    if library.rate not in known:
        raise UsageError(f"{call.path} takes no {library.rate}.", "Name an optimizer that takes one.")
    values = {name: given[name] if name in given else parameters[name].default for name in known}
    start = values[library.rate]
    lr = rate(default=float(start) if _is_number(start) and start > 0 else 1e-3, search=SEARCH)
    fields: dict[str, Any] = {"lr": lr}
    parts = {} if plain else dict(_parts(values, library))
    for name, part in parts.items():
        fields[name] = part.field(name, getattr(parameters.get(part.argument), "annotation", None))
    return type(
        call.name,
        (Foreign,),
        {
            "__module__": __name__,
            "__doc__": (
                f"{call.words} as {call.package} has it: each layer's weights and biases are a tensor.\n\n"
                f"Its steps are {call.library}'s, row by row, and slower than those of dlopt's own."
            ),
            "__annotations__": dict.fromkeys(fields, "Numbers"),
            **fields,
            "call": call,
            "make": staticmethod(make),
            "parts": parts,
            "written": (written := _written(call, given, parts)),
            "equivalents": _equivalents(call, written),
        },
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parts(values: dict[str, Any], library: type[Row]) -> Iterator[tuple[str, _Part]]:
    """The numbers among the arguments that can be fields: by name, none of which an optimizer has already."""
    for argument, value in values.items():
        if argument == library.rate:
            continue
        if _is_number(value):
            found = {argument: _Part(argument, value)}
        elif isinstance(value, tuple) and value and all(map(_is_number, value)):
            one = re.sub(r"(?<!ep)s$", "", argument)
            found = {f"{one}{i + 1}": _Part(argument, value, i) for i in range(len(value))}
        else:
            continue
        taken = ("schedule", *dir(Foreign))
        yield from ((name, part) for name, part in found.items() if name not in taken)


def _written(call: Call, given: dict[str, Any], parts: dict[str, _Part]) -> str:
    """The call with a setting's numbers, as a format string."""
    first = {"torch": "model.parameters(), lr={lr!r}", "optax": "learning_rate=rate"}[call.library]
    said = {name: repr(value).replace("{", "{{").replace("}", "}}") for name, value in given.items()}
    said.pop(LIBRARIES[call.library].rate, None)
    several: dict[str, list[str]] = {}
    for name, part in parts.items():
        number = f"{{{name}:.0f}}" if isinstance(part.default, int) and part.default > 1 else f"{{{name}!r}}"
        several.setdefault(part.argument, []).append(number)
        said[part.argument] = number if part.place < 0 else f"({', '.join(several[part.argument])})"
    arguments = ", ".join([first, *(f"{name}={value}" for name, value in said.items())])
    return f"{call.path}({arguments})"


def _equivalents(call: Call, written: str) -> dict[str, Equivalent]:
    """The call where there is code to take home that it fits into: what is of the library itself."""
    root = {"torch": "torch.optim.", "optax": "optax."}[call.library]
    return {call.library: Equivalent(written.removeprefix(root))} if call.path.startswith(root) else {}


def _imported(call: Call) -> Any:
    """The library's class or function."""
    library, module = LIBRARIES[call.library], call.path.rpartition(".")[0]
    for package in dict.fromkeys((*library.needs, call.package)):
        if importlib.util.find_spec(package) is None:
            remedy = "Install what offers it, or mend its name."
            if package in library.needs:
                remedy = f"pip install {package}, or leave {call.words} out."
            raise UsageError(f"{package} is not installed.", remedy)
    try:
        there = importlib.import_module(module)
    except Exception as error:  # whatever a package raises
        raise UsageError(
            f"{module} cannot be imported ({type(error).__name__}: {error}).", "Look at its documentation."
        ) from None
    thing = getattr(there, call.name, None)
    if not library.offered(thing):
        known = [name for name, one in vars(there).items() if name[0] != "_" and library.offered(one)]
        remedy = nearest(call.name, known) if known else "Look at its documentation."
        raise UsageError(f"{module} has no {library.what} that is named {call.name!r}.", remedy)
    return thing


def look(text: str) -> None:
    """Take some steps. Raises UsageError with what is wrong.

    Its hyperparameters need not all count, and how it takes a huge gradient is its own.
    """
    call = read(text)
    found = problems(kind(text, plain=True), but=THEIRS)
    if found:
        raise UsageError(
            f"{call.words} cannot train here: {' '.join(found)}",
            "Choose one that takes a step from one gradient of its parameters alone.",
        )
