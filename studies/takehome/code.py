"""Picks taken home: a setting as code for dlopt, PyTorch, optax and scikit-learn, or as JSON.

Each code trains a new network on `X_train, y_train`. Where a library has another variant, the code converts
and says so; where it has none, there is no code, and a sentence why.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

import dlopt
from dlopt import hyperparameters
from dlopt.equivalents import Equivalent
from studies.analysis.baselines import models
from studies.folder.schema.notes import TableSpec
from studies.question import user_table
from studies.question.foreign import Foreign
from studies.question.plan import Plan
from studies.takehome import FRAMEWORKS
from studies.takehome import pipeline as pipelines
from studies.takehome.templates import (
    ACTIVATIONS,
    DLOPT_TEXT,
    INITS,
    LAST,
    OPTAX_TEXT,
    PENALTIES,
    SKLEARN_TEXT,
    TORCH_TEXT,
)
from studies.training.rows import CONFIRMING

WIDTH = 100  # characters of a line
LIBRARIES = {"torch": "PyTorch", "optax": "optax", "sklearn": "scikit-learn's networks"}


class Code(NamedTuple):
    """A setting as code. text: "" where it cannot be said. notes: where it differs, or why it cannot."""

    text: str
    notes: str


class _Setting(NamedTuple):
    kind: Any
    settings: dict[str, float]
    decay: str
    batch_size: int
    epochs: int
    model: dlopt.MLP
    task: str
    n_train: int

    @property
    def name(self) -> str:
        return self.kind.call.text if self.foreign else str(self.kind.__name__).lower()

    @property
    def builtin(self) -> bool:
        return self.kind is dlopt.OPTIMIZERS.get(self.name)

    @property
    def foreign(self) -> bool:
        return issubclass(self.kind, Foreign)

    @property
    def classes(self) -> bool:
        return self.task == "classification"

    def spelled(self, framework: str) -> Equivalent | None:
        """Its class in the library's words; what a class inherits is another one's."""
        found: Equivalent | None = vars(self.kind).get("equivalents", {}).get(framework)
        return found

    def differs(self, framework: str) -> list[str]:
        """Where the library's variant is another."""
        one = self.spelled(framework)
        return [one.differs] if one and one.differs else []

    def words(self, framework: str, **more: Any) -> str:
        """The library's words with the settings."""
        one = self.spelled(framework)
        return one.call.format(**self.settings, **more) if one else ""

    def of(self, kind: Any) -> dict[str, float]:
        """The settings that this class declares."""
        return {name: self.settings[name] for name in hyperparameters.declared(kind)}

    def penalty(self, framework: str) -> str:
        """What the network's weight decay adds to the loss; "" without any."""
        decays = self.model.weight_decay
        return PENALTIES[framework].format(half=repr(decays / 2)) if decays else ""

    def call(self, kind: Any, prefix: str) -> str:
        """The class with its settings, not yet closed."""
        return f"{prefix}{kind.__name__}({', '.join(f'{k}={v!r}' for k, v in self.of(kind).items())}"

    def fill(self, template: str, **more: str) -> str:
        """The template with what all of them have."""
        targets = "classes 0, 1, ..." if self.classes else "standardised likewise"
        data = f"# X_train: features standardised on its (here {self.n_train}) rows; y_train: {targets}"
        plain = self.decay not in ("none", "exponential")  # the latter is in every library
        by_epoch = dlopt.SCHEDULES[self.decay].python.format(**self.settings) if plain else ""
        common = {
            "batch_size": str(self.batch_size),
            "epochs": str(self.epochs),
            "data": data,
            "imports": "import math\n\n" if "math." in by_epoch else "",
            "factor": f"\n\ndef factor(epoch):\n    return {by_epoch}\n\n" if by_epoch else "",
            "last": _comment(LAST),
        }
        return template.format(**common, **more)


def code(
    kind: Any,
    settings: dict[str, float],
    decay: str,
    batch_size: int,
    epochs: int,
    model: dlopt.MLP,
    task: str,
    n_train: int,
    framework: str,
) -> Code:
    """A setting as code that trains a network on standardised arrays `X_train, y_train`.

    kind: the optimizer's class. settings: its hyperparameters and its schedule's, by dlopt's names; every
    number reads back exactly. decay: "none" or a schedule's name. model: the network. task:
    "classification" or "regression". n_train: the training rows that it was found on. framework: one of
    `FRAMEWORKS`; the code for dlopt takes validation and test arrays too.
    """
    one = _Setting(kind, settings, decay, batch_size, epochs, model, task, n_train)
    if (framework in LIBRARIES or (framework == "dlopt" and one.foreign)) and (
        lacks := _lacks(one, framework)
    ):
        return Code("", lacks)
    return _WRITERS[framework](one)


def _lacks(one: _Setting, framework: str) -> str:
    """Why there is no code for another library; "" where there is."""
    name = one.kind.__name__
    if not one.spelled(framework):
        if one.foreign:
            call = one.kind.written.format(**one.settings)
            return f"{name} is {one.kind.call.package}'s, and trains where that does: {call}"
        if not one.builtin:
            return f"{name} is none of dlopt's own optimizers: there is code for dlopt alone."
        if framework == "sklearn":
            return f"scikit-learn's networks have no {name}."
        return f"How {LIBRARIES[framework]} spells {name} is not known here: there is code for dlopt."
    if one.decay != "none" and not dlopt.SCHEDULES[one.decay].python:
        return f"How to write {dlopt.SCHEDULES[one.decay].__name__} in plain Python is not known here."
    return ""


def takehome(plan: Plan, picks: pd.DataFrame) -> pd.DataFrame:
    """The picks of a study as code: dataset, framework, code and notes, a line for each framework."""
    lines = []
    own = user_table.sources(tuple(plan.facts))
    for one in picks.itertuples():
        data, given = plan.facts[one.dataset], plan.budgets[one.dataset]
        how = (json.loads(one.settings), one.decay, int(one.batch_size), given.epochs, given.model)
        setting = _Setting(plan.arms[one.optimizer].kind, *how, data.task, data.n_train)
        for framework in FRAMEWORKS:
            if framework == "sklearn" and one.dataset in own:
                said = _pipeline(setting, own[one.dataset], plan.study.seed, one.recommended, models(data))
            else:
                said = code(*setting, framework)
            lines.append((one.dataset, framework, *said))
    return pd.DataFrame(lines, columns=["dataset", "framework", "code", "notes"])


def _comment(*notes: str) -> str:
    """Notes as lines of a comment, each with its end."""
    return "".join(f"# {line}\n" for note in notes for line in textwrap.wrap(note, WIDTH))


def _wrap(arguments: str) -> str:
    """Arguments of a call as lines of their own; none of them has a string with a blank."""
    filled = textwrap.fill(arguments, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent(filled, "    ")


def _fit(line: str) -> str:
    """A line that is one call, over several lines where it is too long."""
    if "\n" in line or len(line) <= WIDTH:
        return line
    name, _, arguments = line.removesuffix(")").partition("(")
    return f"{name}(\n{_wrap(arguments)}\n)"


def _made(one: _Setting) -> str:
    """The line that makes the optimizer."""
    optimizer = one.call(one.kind, "dlopt." if one.builtin else "")
    if one.decay != "none":
        optimizer += f", schedule={one.call(dlopt.SCHEDULES[one.decay], 'dlopt.')})"
    return _fit(f"optimizer = {optimizer})")


def _dlopt(one: _Setting) -> Code:
    text = one.fill(
        DLOPT_TEXT,
        origin="" if one.builtin else _origin(one.kind),
        outputs="int(max(y_train)) + 1" if one.classes else "0",
        optimizer=_made(one),
        network=repr(one.model),
    )
    return Code(text, "")


def _pipeline(one: _Setting, spec: TableSpec, seed: int, recommended: str, plain: dict[str, Any]) -> Code:
    """What to take on a table of the user's own, from its raw frame on. plain: what makes each baseline."""
    if recommended in plain:
        made, note = pipelines.plain(plain[recommended]()), f"The {recommended} is what to take."
    elif one.foreign:
        return Code("", _lacks(one, "sklearn"))
    else:
        origin, note = "" if one.builtin else _origin(one.kind), "This is the tuned setting."
        made = pipelines.network(_made(one), origin, repr(one.model), one.batch_size, one.epochs)
        if recommended == "defaults":
            note += f" {one.kind.__name__} at its defaults ends better here: take {one.kind.__name__}()."
    return Code(pipelines.pipeline(spec, one.task, CONFIRMING, seed, *made), note)


def _origin(kind: Any) -> str:
    """What brings an optimizer of somebody's own into the code: its whole file, or an import."""
    if not kind.__module__.startswith("own_"):  # it is installed
        return f"from {kind.__module__} import {kind.__name__}\n\n"
    return f"{Path(inspect.getfile(kind)).read_text('utf-8').strip()}\n\n\n"


def _torch(one: _Setting) -> Code:
    sizes = ["X.shape[1]", *map(str, one.model.widths), "int(y.max()) + 1" if one.classes else "1"]
    linear = [f"    nn.Linear({a}, {b}),\n" for a, b in itertools.pairwise(sizes)]
    active = f"    {ACTIVATIONS['torch'][one.model.activation]},\n"
    decays = one.decay != "none"
    schedule = "LambdaLR(optimizer, factor)"
    if one.decay == "exponential":
        schedule = f"ExponentialLR(optimizer, gamma={one.settings['gamma']!r})"
    differs, ahead = one.differs("torch"), one.settings.get("beta", 0) > 0  # which torch insists on
    optimizer = one.words("torch", ahead=ahead)
    text = one.fill(
        TORCH_TEXT,
        targets="int64" if one.classes else "float32",
        layers=active.join(linear) + ("" if one.classes else "    nn.Flatten(0),\n"),
        loss=("cross_entropy({})" if one.classes else "mse_loss({}) / 2").format("model(X[rows]), y[rows]"),
        init=INITS["torch"][one.model.init],
        penalty=one.penalty("torch"),
        differs=_comment(*differs),
        optimizer=_fit(f"optimizer = torch.optim.{optimizer}"),
        scheduler=f"scheduler = torch.optim.lr_scheduler.{schedule}\n" if decays else "",
        step="    scheduler.step()  # once per epoch\n" if decays else "",
    )
    return Code(text, " ".join((*differs, LAST)))


def _optax(one: _Setting) -> Code:
    lr = repr(one.settings["lr"])
    rate, steps = f"rate = {lr}", f"steps = -(-len(X) // {one.batch_size})  # per epoch\n"
    if one.decay == "exponential":
        rate = (
            f"{steps}# an array, since optax takes powers of a plain number in float32\n"
            f"gamma = jnp.asarray({one.settings['gamma']!r}, X.dtype)\n"
            f"rate = optax.exponential_decay({lr}, steps, gamma, staircase=True)"
        )
    elif one.decay != "none":
        rate = (
            f"{steps}rates = jnp.asarray([{lr} * factor(epoch) for epoch in range({one.epochs})], X.dtype)"
            "\n\n\ndef rate(count):\n    return rates[count // steps]\n\n"
        )
    loss = "jnp.mean(((X @ W + b)[:, 0] - y) ** 2) / 2"
    if one.classes:
        loss = "optax.softmax_cross_entropy_with_integer_labels(X @ W + b, y).mean()"
    differs = one.differs("optax")
    text = one.fill(
        OPTAX_TEXT,
        sizes="".join(f"{w}, " for w in one.model.widths) + ("int(y.max()) + 1" if one.classes else "1"),
        init=INITS["optax"][one.model.init],
        activation=ACTIVATIONS["optax"][one.model.activation],
        penalty=one.penalty("optax"),
        rate=rate,
        differs=_comment(*differs),
        optimizer=_fit(f"optimizer = optax.{one.words('optax')}"),
        loss=loss,
    )
    return Code(text, " ".join((*differs, LAST)))


def _sklearn(one: _Setting) -> Code:
    if one.decay != "none":
        decay = dlopt.SCHEDULES[one.decay].__name__
        return Code("", f"scikit-learn's networks have no schedule by epoch like dlopt's {decay}.")
    if one.settings.get("eps") == 0:
        return Code("", "scikit-learn's Adam needs an ε above 0.")
    if one.model.activation not in ACTIVATIONS["sklearn"]:
        return Code("", f"scikit-learn's networks have no {one.model.activation}.")
    if one.model.init in ("small", "zero"):
        return Code("", "scikit-learn's networks draw their initial weights larger than these.")
    drawn = {"he": "dlopt He's", "glorot": "dlopt too, but normal ones"}[one.model.init]
    third = ", a third as variable for sigmoid" if one.model.activation == "sigmoid" else ""
    notes = one.differs("sklearn")
    notes.append(f"scikit-learn draws Glorot's uniform initial weights{third}, and biases, {drawn} and 0.")
    if one.model.weight_decay:
        notes.append(
            "scikit-learn divides alpha by the rows of a batch: in a smaller last one its penalty is greater."
        )
    if one.classes:
        twice = ", whose penalty is twice dlopt's" if one.model.weight_decay else ""
        notes.append(
            f"For two classes scikit-learn trains one logistic output{twice}, dlopt a softmax of two."
        )
    text = one.fill(
        SKLEARN_TEXT,
        model="MLPClassifier" if one.classes else "MLPRegressor",
        notes=_comment(*notes),
        widths=repr(one.model.widths),
        activation=ACTIVATIONS["sklearn"][one.model.activation],
        alpha=repr(one.model.weight_decay * one.batch_size),
        solver=_wrap(f"solver={one.words('sklearn')}"),
    )
    return Code(text, " ".join((*notes, LAST)))


def _json(one: _Setting) -> Code:
    kind = dlopt.SCHEDULES.get(one.decay)
    content = {
        "optimizer": {"name": one.name, **one.of(one.kind)},
        "schedule": {"name": one.decay, **one.of(kind)} if kind else None,
        "batch_size": one.batch_size,
        "epochs": one.epochs,
        "network": dataclasses.asdict(one.model),
        "task": one.task,
        "training_rows": one.n_train,
    }
    return Code(f"{json.dumps(content, indent=2)}\n", "")


_WRITERS: dict[str, Callable[[_Setting], Code]]
_WRITERS = dict(zip(FRAMEWORKS, (_dlopt, _torch, _optax, _sklearn, _json), strict=True))
