"""The overrides: flags over a TOML file over the named study."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import runpy
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from studies.catalog import STUDIES, batch_arms
from studies.errors import UsageError, nearest, number
from studies.folder.schema.notes import NETWORK
from studies.question import user_table
from studies.question.arm import FULL, LARGEST, Arm, plain
from studies.question.identity import held
from studies.question.study import USUAL, Study
from studies.system.files import read_regular, there

PLAIN = ("blocks", "draws", "fresh", "epochs", "seed", "metric", "engine")  # fields of a study as they are
ANOTHER = (
    "draws",
    "fresh",
    "epochs",
    "seed",
    "metric",
    "engine",
    "model",
    "sampler",
    "set",
    "search",
)  # make another question
COLUMNS = user_table.COLUMNS  # options that name columns of a table
LISTS = ("optimizers", "datasets", "optimizer", *COLUMNS)
READ = (*user_table.WORDS, *COLUMNS)  # how a table is read
STRINGS = ("metric", "engine", "model", "sampler", "out", "data", "target", *user_table.WORDS)
TABLES = ("set", "search", "ablate")  # in TOML
OTHERS = ("trials", "model", "sampler", *TABLES, "jobs", "out")
KEYS = (*LISTS, "data", "target", *user_table.WORDS, *PLAIN, *OTHERS)
LARGEST_TOML = 1_000_000  # bytes
LONGEST = 120  # characters of a folder's name; longer ones end in a hash


class Asked(NamedTuple):
    """A study as it was asked for, where it goes, and with how many processes."""

    study: Study
    out: Path
    jobs: int


def asked(name: str | None, flags: dict[str, Any]) -> Asked:
    """The study behind a command line. flags: values by name, None where a flag was not given.

    Without a name it is the one that the run folder (out) holds, else "default". Raises UsageError for an
    unknown study, override or name, and for a value out of range.
    """
    given, named = _meant(name, flags)
    changed: dict[str, Any] = {k: given[k] for k in PLAIN if k in given}
    if "data" in given:
        if "datasets" in given:
            raise UsageError("--data and --datasets are both given.", "Give one of them.")
        changed["datasets"] = user_table.take(**data(given))
    elif "datasets" in given:
        changed["datasets"] = tuple(given["datasets"])
    if "model" in given:
        changed |= network(given["model"])
    arms, whole = _ablated(_arms(named, given), given.get("ablate", {}))
    asked = (*named.against, *whole)
    changed["against"] = tuple(dict.fromkeys(one for one in asked if one in {arm.name for arm in arms}))
    study = dataclasses.replace(named, optimizers=arms, **changed)
    return Asked(study, _folder(named, given), given.get("jobs", 0))


def place(name: str | None, flags: dict[str, Any]) -> Path:
    """The run folder of what is asked, without a look at tables and optimizers of yours: see `asked`."""
    if flags.get("out") and not flags.get("config"):
        return Path(flags["out"])
    given, named = _meant(name, flags)
    return _folder(named, given)


def _meant(name: str | None, flags: dict[str, Any]) -> tuple[dict[str, Any], Study]:
    """All overrides, and the study that they change."""
    given = read_config(Path(flags["config"])) if flags.get("config") is not None else {}
    for key, value in flags.items():
        if key == "config" or value is None:
            continue
        both = isinstance(value, dict) and isinstance(given.get(key), dict)
        given[key] = {**given[key], **value} if both else value
    data(given)
    if "positive" in given:  # a rare class is what the error does not see
        given.setdefault("metric", "balanced-error")
    if "out" in given and not _nameable(given["out"]):
        raise UsageError(f"--out cannot be {given['out']!r}.", "Name a folder, or leave it out.")
    named = find(name) if name is not None else held(given.get("out") or "") or STUDIES["default"]
    return given, named


def _nameable(path: str) -> bool:
    """Can anything have this name?"""
    try:
        return bool(path) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _folder(named: Study, given: dict[str, Any]) -> Path:
    if "out" in given:
        return Path(given["out"])
    slug = "".join(f"--{part}" for key in ANOTHER if key in given for part in _slug(key, given[key], named))
    if len(slug) > LONGEST:
        slug = f"{slug[:LONGEST]}~{hashlib.sha256(slug.encode()).hexdigest()[:8]}"
    table = f"--{user_table.slug(**data(given))}" if "data" in given else ""
    return Path("runs") / f"{named.name}{table}{slug}"


def data(given: dict[str, Any]) -> dict[str, Any]:
    """The table that is given and how it is read, as `user_table.read` takes it; {} without one.

    Raises UsageError for a part of that without the rest.
    """
    if "data" not in given:
        if alone := next((key for key in ("target", *READ) if key in given), ""):
            flag = alone.replace("_", "-")
            raise UsageError(
                f"--{flag} says how a table of yours is read, and none is given.",
                "Give --data table.csv; with make, DATA=table.csv.",
            )
        return {}
    if "target" not in given:
        raise UsageError("Nothing says which column of the table to predict.", "Give --target COLUMN.")
    return {"path": given["data"], "target": given["target"], **{key: given.get(key) for key in READ}}


def find(name: str) -> Study:
    """A named study, or the one that a file of yours holds: "path.py:my_study". Such a file runs as code."""
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        if name.endswith(".py"):
            raise UsageError(f"{name} says not which of its studies.", f"Write {name}:my_study.")
        if name not in STUDIES:
            raise UsageError(f"There is no study {name!r}.", nearest(name, list(STUDIES)))
        return STUDIES[name]
    if there(Path(path)) != "file":
        raise UsageError(f"There is no file {path}.", "Name the one that holds your study.")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            found = runpy.run_path(path).get(attribute)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's file raises
        raise UsageError(
            f"{path} cannot be run ({type(error).__name__}: {error}).", "Mend that file."
        ) from None
    if not isinstance(found, Study):
        raise UsageError(
            f"{path} has no Study named {attribute!r}.", "Write for example my_study = Study(...)."
        )
    if found.name in STUDIES:
        raise UsageError(
            f"{path} names its study {found.name!r}, as a built-in one.", "Give it another name."
        )
    return found


def _slug(key: str, value: Any, named: Study) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}={_short(v)}" for name, v in sorted(value.items())]
    if key == "model":
        asked = network(value)
        same, value = all(getattr(named, k) == v for k, v in asked.items()), _model(**asked)
    elif key == "sampler":
        same = all(arm.sampler == value for arm in named.arms)
    else:
        same = getattr(named, key) == value
    if same:
        return []
    return [f"{key}={_short(value)}"]


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ":".join(map(_short, value))
    return plain(value) if isinstance(value, float) else str(value)


def _arms(named: Study, given: dict[str, Any]) -> tuple[Arm, ...]:
    arms = named.arms
    if "optimizers" in given:
        arms = _chosen(arms, given["optimizers"], any_other=all(arm.whole for arm in arms))
    arms += tuple(Arm(text).found() for text in dict.fromkeys(given.get("optimizer", ())))
    ranges = dict(given.get("search", {}))
    if "batch_size" in ranges:
        arms = _rebatched(arms, *ranges.pop("batch_size"))
    for flag, values in (("set", given.get("set", {})), ("search", ranges)):
        for key, value in values.items():
            optimizer, _, field = key.partition(".")
            if "batch_size" in (key, field):
                raise UsageError(
                    f"--{flag} {key} is not possible: all optimizers of a block train on the same batches.",
                    "Hold or search the size for all: --search batch_size=64:64.",
                )
            mine = [arm for arm in arms if arm.optimizer == optimizer]
            if not field or not mine:
                known = dict.fromkeys(arm.optimizer for arm in arms)
                raise UsageError(
                    f"--{flag} {key} names no optimizer of this study.",
                    f"Write OPTIMIZER.FIELD, with one of: {', '.join(known)}.",
                )
            arms = tuple(_with(arm, flag, field, value) if arm in mine else arm for arm in arms)
    if "sampler" in given:
        arms = tuple(dataclasses.replace(arm, sampler=given["sampler"]) for arm in arms)
    return arms


def _ablated(arms: tuple[Arm, ...], parts: dict[str, float]) -> tuple[tuple[Arm, ...], tuple[str, ...]]:
    """The arms with one more for each part that is taken out; and the names of those that are whole."""
    more, whole = list[Arm](), list[str]()
    for key, value in parts.items():
        optimizer, _, field = key.partition(".")
        mine = [arm for arm in arms if optimizer in (arm.optimizer, arm.name)]
        if not field or not mine:
            known = dict.fromkeys(arm.optimizer for arm in arms)
            raise UsageError(
                f"--ablate {key} names no optimizer of this study.",
                f"Write OPTIMIZER.FIELD=VALUE, with one of: {', '.join(known)}.",
            )
        whole += [arm.name for arm in mine]
        named = ((arm, f"{arm.name}-{field}={_short(value)}") for arm in mine)
        more += [dataclasses.replace(_with(arm, "set", field, value), name=name) for arm, name in named]
    return (*arms, *more), tuple(whole)


def _with(arm: Arm, flag: str, field: str, value: Any) -> Arm:
    if flag == "set":
        return dataclasses.replace(arm, fixed=(*((k, v) for k, v in arm.fixed if k != field), (field, value)))
    return dataclasses.replace(arm, search=(*((k, v) for k, v in arm.search if k != field), (field, value)))


def _chosen(arms: tuple[Arm, ...], names: tuple[str, ...], *, any_other: bool) -> tuple[Arm, ...]:
    """The named arms. A study of plain optimizers takes any optimizer, one of other arms its own."""
    if any_other:
        return tuple(Arm(name) for name in dict.fromkeys(names))
    known = dict.fromkeys([*(arm.optimizer for arm in arms), *(arm.name for arm in arms)])
    for name in names:
        if name not in known:
            raise UsageError(f"This study has no optimizer {name!r}.", nearest(name, list(known)))
    return tuple(arm for arm in arms if arm.optimizer in names or arm.name in names)


def _rebatched(arms: tuple[Arm, ...], low: float, high: float) -> tuple[Arm, ...]:
    """Powers of two from low to high: searched by each arm, or an arm for each where they are compared."""
    if not all(1 <= end <= LARGEST and end % 1 == 0 for end in (low, high)):
        raise UsageError(
            f"batch_size is searched between whole numbers from 1 to {LARGEST}, not {low:g}:{high:g}.",
            "Give for example --search batch_size=64:512.",
        )
    sizes = tuple(2**i for i in range(21) if low <= 2**i <= high)
    if not sizes:
        raise UsageError(
            f"There is no power of two in --search batch_size={low:g}:{high:g}.", "Give for example 64:512."
        )
    if not any(arm.batch_sizes for arm in arms):
        return tuple(dataclasses.replace(arm, batch_sizes=sizes) for arm in arms)
    full = (FULL,) if any(FULL in arm.batch_sizes for arm in arms) else ()
    return batch_arms(tuple(dict.fromkeys(arm.optimizer for arm in arms)), (*sizes, *full))


def network(model: str) -> dict[str, Any]:
    """The fields of a study behind "linear" (no hidden layer), "mlp" (the rule's) or "mlp:64,64".

    After the widths, or without any: "activation=tanh", "init=glorot", "weight_decay=1e-4".
    """
    kind, _, rest = model.partition(":")
    words = rest.split(",") if rest else []
    pairs = [word.split("=", 1) for word in words if "=" in word]
    options: dict[str, Any] = once("model", ({key: value} for key, value in pairs))
    sizes = [word for word in words if "=" not in word]
    try:
        if kind not in ("linear", "mlp") or (kind == "linear" and sizes):
            raise ValueError
        if "weight_decay" in options:
            options["weight_decay"] = float(options["weight_decay"])
        widths = () if kind == "linear" else tuple(map(int, sizes)) or None
    except ValueError:
        options = {model: ""}
    if not set(options) <= set(NETWORK):
        raise UsageError(
            f"There is no model {model!r}.",
            "Give linear, mlp, or mlp:WIDTH,WIDTH such as mlp:64,64; then, or alone, for example "
            "mlp:activation=tanh,init=glorot,weight_decay=1e-4.",
        )
    return {"widths": widths, **options}


def _model(widths: tuple[int, ...] | None, **options: Any) -> str:
    """One word for it, however it was written; what is as usual is left out."""
    options = {key: value for key, value in options.items() if value != USUAL[key]}
    kind = "linear" if widths == () else "mlp"
    said = [*map(str, widths or ()), *(f"{key}={_short(options[key])}" for key in NETWORK if key in options)]
    return f"{kind}:{','.join(said)}" if said else kind


def setting(text: str, flag: str = "set") -> dict[str, float]:
    """ "adam.beta2=0.99" as a dictionary."""
    name, _, value = text.partition("=")
    try:
        return {name.strip(): float(value)}
    except ValueError:
        raise UsageError(
            f"--{flag} {text!r} is no setting.", f"Write --{flag} OPTIMIZER.FIELD=VALUE."
        ) from None


def span(text: str) -> dict[str, tuple[float, float]]:
    """ "adam.lr=1e-5:1e-1" as a dictionary."""
    name, _, value = text.partition("=")
    try:
        low, high = (float(end) for end in value.split(":"))
    except ValueError:
        raise UsageError(
            f"--search {text!r} is no range.",
            "Write --search OPTIMIZER.FIELD=LOW:HIGH, or --search batch_size=LOW:HIGH.",
        ) from None
    return {name.strip(): (low, high)}


def once(flag: str, parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What several --set or --search say together. Raises UsageError if two of them contradict."""
    found: dict[str, Any] = {}
    for name, value in (item for part in parts for item in part.items()):
        if name in found and found[name] != value:
            raise UsageError(
                f"--{flag} {name} is given twice, as {_short(found[name])} and as {_short(value)}.",
                "Give it once.",
            )
        found[name] = value
    return found


def read_config(path: Path) -> dict[str, Any]:
    """The overrides in a TOML file, under the names of the flags; [set], [search], [ablate] are tables.

    Raises UsageError for a file that cannot be read, is no TOML, or has an unknown key or a wrong type.
    """
    try:
        read = read_regular(path, LARGEST_TOML)
    except (OSError, ValueError) as error:  # the latter of a name with a NUL too
        why = getattr(error, "strerror", error)
        raise UsageError(f"{path} cannot be read ({why}).", "Name a TOML file.") from None
    try:
        content = tomllib.loads(io.TextIOWrapper(io.BytesIO(read), "utf-8-sig").read())
    except RecursionError:
        raise UsageError(
            f"{path} is nested too deeply to be read.", "Write plain keys, [set] and [search]."
        ) from None
    except ValueError as error:  # no TOML, no UTF-8, an integer of thousands of digits
        raise UsageError(f"{path} is no TOML file: {error}.", "Mend that line.") from None
    for key, value in content.items():
        if key not in KEYS:
            raise UsageError(f"{path} has the unknown key {key!r}.", nearest(key, KEYS))
        kind = dict if key in TABLES else list if key in LISTS else str if key in STRINGS else int
        if not isinstance(value, kind) or isinstance(value, bool):
            words = {dict: "a table", list: "a list", str: "a string", int: "a whole number"}
            raise UsageError(f"{path} has {key} = {value!r}.", f"Give {words[kind]}.")
        if isinstance(value, list):
            if not all(isinstance(item, str) for item in value):
                raise UsageError(f"{path} has {key} = {value!r}.", "Give a list of names.")
            content[key] = [item.lower() if key in ("optimizers", "datasets") else item for item in value]
    if {"trials", "draws"} <= set(content):
        raise UsageError(f"{path} has both trials and draws, two words for one thing.", "Give one of them.")
    if "trials" in content:
        content["draws"] = content.pop("trials")
    for flag, check in (("set", _number), ("search", _ends), ("ablate", _number)):
        if flag in content:
            content[flag] = {name: check(path, name, v) for name, v in _flat(content[flag]).items()}
    return content


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """[set.adam] beta2 = 0.99 and [set] "adam.beta2" = 0.99 alike."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _number(path: Path, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{path} sets {name} to {value!r}.", "Give a number.")
    return float(number(name, value))


def _ends(path: Path, name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise UsageError(f"{path} searches {name} in {value!r}.", "Give [LOW, HIGH].")
    return _number(path, name, value[0]), _number(path, name, value[1])
