"""Can I make it again: the command, versions, hashes, datasets and optimizers."""

from __future__ import annotations

import shlex
from typing import Any

from reports.data import words
from reports.data.arithmetic import arithmetic, compiled
from reports.data.run import Run, ordered
from reports.parts import Cell, Part, Table, cell, part
from studies.folder.run_folder import DIGITS
from studies.folder.schema.notes import NETWORK, ArmSpec, Manifest, Question
from studies.folder.schema.tables import VARYING

NUMPY = ["--engine", "numpy"]


@part("provenance")
def provenance(run: Run) -> Part | None:
    """The command, the versions, the hashes."""
    question = run.manifest["question"]
    shell = on_command_line(run)
    hashes = [(name, value) for name, value in sorted(run.hashes.items()) if name not in VARYING]
    whole = run.sha256
    cite = (
        f"dlopt, study “{run.name}”, results version {words.clean(question.get('results_version', '?'))}, "
        f"seed {words.clean(question['seed'])}, tables sha256 {whole[:16]}"
    )
    answer, how = _identical(run, len(hashes))
    return Part(
        name="again",
        question="Can I make it again?",
        answer=answer,
        how_title="What is identical.",
        how=(
            f"Arithmetic: {arithmetic(run)}. {how} This page is a function of the tables, apart from the "
            f"section “On this machine”, which names its versions and kernels. To cite: {cite}."
        ),
        code_title="Commands",
        code=[
            *([("On the command line, for a study of python -m studies list", shell)] if shell else []),
            ("In Python, everything said", in_python(run)),
        ],
        tables=[
            _versions(run),
            _datasets(run),
            _optimizers(run),
            Table(
                ["Table", "sha256"],
                [[Cell(name), Cell(value)] for name, value in hashes],
                "sha256 of each table but the times",
                sortable=False,
                folded=True,
            ),
        ],
        csv=("datasets", "optimizers"),
    )


def _identical(run: Run, tables: int) -> tuple[str, str]:
    """What the command gives again, and how far that holds."""
    whole = f"together sha256 {run.sha256[:16]}…"
    always = "whatever the number of workers, the stacking, the kills and resumes"
    if not compiled(run):
        return (
            f"Yes: the command below gives the same {tables} tables, byte for byte, with the same versions "
            f"and kernels ({whole}).",
            "For one seed and the arithmetic listed here, every table but the times has the same bytes, "
            f"{always}. Other versions or other kernels may move last digits.",
        )
    return (
        "Yes, on any x86-64 machine: the command below gives the same trainings, byte for byte, and the same "
        f"{tables} tables to the last digit shown ({whole}).",
        f"For one seed every compiled training has the same bytes on every x86-64 machine, {always}. What is "
        f"derived from trainings is written with {DIGITS} digits, which other versions of the libraries that "
        "fit baselines may move.",
    )


def on_command_line(run: Run) -> str:
    """The command line that makes it again; empty where only Python can say what was asked."""
    question = run.manifest["question"]
    if not run.manifest["changes"]:
        name = words.clean(shlex.quote(str(run.manifest["asked"]["name"])))
        return f"make study NAME={name}{'' if compiled(run) else f' ARGS={shlex.quote(shlex.join(NUMPY))}'}"
    said = plain_arms(run.manifest) and plain_network(question) and question["metric"] == "error"
    return command(run.manifest, run.optimizers) if said else ""


def in_python(run: Run) -> str:
    """Everything said, in Python."""
    asked, question = run.manifest["asked"], run.manifest["question"]
    plain, arms = plain_arms(run.manifest), asked["optimizers"]
    optimizers = [repr(name) if plain else _arm(name, arms[name]) for name in run.optimizers if name in arms]
    inside = "".join(f"{one}, " if plain else f"\n        {one}," for one in optimizers).rstrip()
    inside += "" if plain else "\n    "
    fields = [f"name={asked['name']!r}", f"optimizers=({inside})"]
    fields += [f"datasets={tuple(asked['datasets'])!r}", f"blocks={asked['blocks']!r}"]
    fields += [f"draws={question['draws']!r}"]
    fields += [] if question["epochs"] == "rule" else [f"epochs={question['epochs']!r}"]
    fields += [] if question["widths"] == "rule" else [f"widths={tuple(question['widths'])!r}"]
    fields += [f"{name}={value!r}" for name, value in sorted(question.items()) if name in NETWORK]
    fields += [] if question["metric"] == "error" else [f"metric={question['metric']!r}"]
    fields += [f"seed={question['seed']!r}"]
    fields += [] if compiled(run) else ["engine='numpy'"]
    inner = "".join(f"    {field},\n" for field in fields)
    imports = "from studies import Study, run\n" + ("" if plain else "from studies.question.arm import Arm\n")
    return f"{imports}\nstudy = Study(\n{inner})\nrun(study, out={'runs/' + run.name!r})"


def _arm(name: str, spec: ArmSpec) -> str:
    """An arm as Python, what is as usual left out."""
    parts = [f"name={name!r}"] if name != spec["optimizer"] else []
    value: Any
    for key, value in spec.items():
        if key == "optimizer" or not value or value in ("mixed", "random"):
            continue
        if isinstance(value, dict):
            value = tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in value.items())
        parts.append(f"{key}={tuple(value) if isinstance(value, list) else value!r}")
    return f"Arm({', '.join([repr(spec['optimizer']), *parts])})"


def _versions(run: Run) -> Table:
    question = run.manifest["question"]
    pairs = [("results version", str(question["results_version"])), ("seed", str(question["seed"]))]
    pairs += [("arithmetic", arithmetic(run))]
    pairs += [one for one in sorted(question["arithmetic"].items()) if one[0] != "engine"]
    rows = [[Cell(words.clean(k)), Cell(words.clean(v))] for k, v in pairs]
    return Table(["What", "Value"], rows, "Versions, arithmetic and seed", sortable=False, folded=True)


def _datasets(run: Run) -> Table:
    rows = []
    for d in ordered(run, run["datasets"]).itertuples():
        sizes = words.clean(d.batch_sizes).replace(",", ", ")
        rows.append(
            [
                Cell(run.shown(d.dataset)),
                Cell(words.clean(d.task)),
                *map(cell, (d.rows, d.features, d.training_rows, d.test_rows)),
                Cell(words.clean(d.model)),
                *map(cell, (d.parameters, d.epochs)),
                Cell(sizes),
                Cell(words.clean(d.sha256)[:16] + "…"),
            ]
        )
    heads = ["Dataset", "Task", "Rows", "Columns", "Training rows", "Test rows", "Network", "Parameters"]
    heads += ["Epochs", "Batch sizes", "sha256"]
    return Table(heads, rows, "Datasets and budgets", frozenset({2, 3, 4, 5, 7, 8}), False, folded=True)


def _optimizers(run: Run) -> Table:
    rows = []
    for o in run["optimizers"].sort_values("position").itertuples():
        defaults = ", ".join(
            f"{words.symbol(k)} {words.plain(v)}" for k, v in words.settings(o.defaults).items()
        )
        ranges = ", ".join(_range(k, v) for k, v in words.ranges(o.search).items())
        rows.append([Cell(words.clean(o.title)), Cell(words.clean(o.summary)), Cell(defaults), Cell(ranges)])
    heads = ["Optimizer", "What it is", "Defaults", "Searched"]
    return Table(heads, rows, "Optimizers, defaults and search ranges", sortable=False, folded=True)


def _range(name: str, ends: object) -> str:
    if not isinstance(ends, list) or len(ends) != 2:
        return words.symbol(name)
    return f"{words.symbol(name)} {words.plain(ends[0])} to {words.plain(ends[1])}"


def plain_arms(manifest: Manifest) -> bool:
    """Whether nothing is fixed about any optimizer's search, so that its name says all."""
    arms = manifest["asked"]["optimizers"]
    plain: ArmSpec = {
        "optimizer": "",
        "decay": "mixed",
        "sampler": "random",
        "batch_sizes": [],
        "fixed": {},
        "search": {},
    }
    return all(spec == {**plain, "optimizer": name} for name, spec in arms.items())


def plain_network(question: Question) -> bool:
    """Whether the network is the rule's."""
    return question["widths"] == "rule" and not set(NETWORK) & set(question)


def command(manifest: Manifest, order: list[str]) -> str:
    """The command that makes the run again, with all that the command line can say."""
    asked, question = manifest["asked"], manifest["question"]
    parts = ["python", "-m", "studies", "run", str(asked["name"])]
    if plain_arms(manifest):
        parts += ["--optimizers", ",".join(order)]
    parts += ["--datasets", ",".join(asked["datasets"])]
    parts += ["--blocks", str(asked["blocks"]), "--trials", str(question["draws"])]
    if question["epochs"] != "rule":
        parts += ["--epochs", str(question["epochs"])]
    parts += ["--seed", str(question["seed"])]
    parts += [] if question["arithmetic"].get("engine") == "compiled" else NUMPY
    return words.clean(shlex.join(parts))
