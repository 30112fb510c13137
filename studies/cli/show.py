"""The results of a run, and what else a command prints of it."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from studies.analysis.verdicts import STABLE
from studies.calibration.calibrate import calibrate
from studies.cli.listing import document
from studies.errors import FailedError, UsageError, nearest
from studies.folder.read import Tables, read_table
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, PICK, TOO_FEW, TRIVIAL
from studies.question.identity import RESULTS_VERSION
from studies.system.machine import one_thread
from studies.system.standard_streams import tell
from studies.takehome import FRAMEWORKS, optuna_mirror
from studies.training.replay import replay


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table, with null for NaN and the words of JSON for infinities."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
        return value

    return [{k: plain(v) for k, v in line.items()} for line in frame.to_dict("records")]


def show(path: Path, *, as_json: bool) -> Any:
    """The results of a run: verdicts, ranking, budgets, picks and what stands beside them."""
    tables = Tables(path)
    ranking, picks, calls, budgets, beside = (
        tables[name] for name in ("ranking", "picks", "comparisons", "budgets", "alternatives")
    )
    kinds = {"claims": "claims", "clocked_claims": "claims by the clock"}
    asked = pd.concat(tables[name].assign(kind=kind) for name, kind in kinds.items())
    if as_json:
        return document(
            run=str(path),
            study=tables.manifest["asked"],
            ranking=_records(ranking),
            comparisons=_records(calls),
            budgets=_records(budgets),
            picks=_records(picks),
            alternatives=_records(beside),
            **({"claims": _records(asked)} if len(asked) else {}),
        )
    parts = [
        f"{kind} · {verdict}: {', '.join(map(str, here.number))}."
        for (kind, verdict), here in asked.groupby(["kind", "verdict"], sort=False)
    ]
    if (version := tables.manifest["question"]["results_version"]) != RESULTS_VERSION:
        parts.append(f"This run is of results version {version}, and this suite makes {RESULTS_VERSION}.")
    parts += _learned_nothing(beside, tables.manifest["question"]["metric"])
    for reading, question in (("error", "Who ends best"), ("ratio", "Who gets there first")):
        placed, pairs = (one[(one.reading == reading) & (one.scope == "pooled")] for one in (ranking, calls))
        parts.append(f"{question}: {_verdict(placed.sort_values('place'), pairs)}.")
    if len(budgets):
        parts.append(f"Whom nothing beats at the end with less, or more: {_by_budget(budgets)}.")
    return "\n".join([*parts, "", *_picks(picks)])


def _verdict(placed: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Whom nothing beats, what is known of these, and how all rank."""
    if (pairs.verdict == TOO_FEW).any():
        return "too few blocks to call anything; run with more --blocks"
    names = [f"{r.optimizer} ({r.mean_rank:.2f})" for r in placed.itertuples()]
    same = placed.stable.where(placed.unbeaten, 1 - placed.stable)
    unsure = placed.optimizer[same < STABLE].tolist()
    best = [name for name in placed.optimizer[placed.unbeaten] if name not in unsure]
    among = pairs[pairs.a.isin(best) & pairs.b.isin(best)].verdict.value_counts()
    counts = [f"{among[word]} {word}" for word in (AS_GOOD, NOT_DECIDED) if word in among]
    known = f" (of their pairs {' and '.join(counts)})" if counts else ""
    said = [f"nothing beats {', '.join(best)}{known}" if best else "nobody with certainty"]
    said += [f"not stable when the blocks are drawn anew: {', '.join(unsure)}"] if unsure else []
    return "; ".join([*said, f"mean ranks {', '.join(names)}"])


def _by_budget(budgets: pd.DataFrame) -> str:
    """Who is unbeaten with each budget."""
    said = []
    for (kind, amount), here in budgets.groupby(["kind", "amount"], sort=False):
        named = {0.25: "a quarter of the epochs", 0.5: "half of them", 1.0: "all"}
        words = named[amount] if kind == "epochs" else f"{amount:.0f} draw{'s' * (amount > 1)}"
        said.append(f"{words}: {', '.join(here[here.unbeaten].optimizer)}")
    return "; ".join(said)


def _learned_nothing(beside: pd.DataFrame, metric: str) -> list[str]:
    """Where a pick is not better than what looks at no feature, and what to do there."""
    remedy = " If a class is rare: --metric balanced-error." if metric == "error" else ""
    here = beside[beside.model.isin(TRIVIAL) & beside.verdict.isin(["model", AS_GOOD, NOT_DECIDED])]
    return [
        f"Look out: on {r.dataset} the pick is not better than the {r.model}, which looks at no feature."
        f"{remedy if r.model == 'majority class' else ''}"
        for r in here.itertuples()
    ]


def _picks(picks: pd.DataFrame) -> list[str]:
    """A line for each pick, and what to take where that is something else."""
    table = Table(box=None, pad_edge=False)
    headings = ("dataset", "optimizer", "batch size", "setting", "test error, confirmed", "take")
    for heading in headings:
        table.add_column(heading, justify="right" if heading == "batch size" else "left")
    for one in picks.itertuples():
        interval = f"[{one.confirmed_low:.4f}, {one.confirmed_high:.4f}]"
        settings = {k: f"{v:.3g}" for k, v in json.loads(one.settings).items()}
        table.add_row(
            one.dataset,
            one.optimizer,
            str(one.batch_size),
            ", ".join(f"{name} {value}" for name, value in settings.items() if name != "eps"),
            f"{one.confirmed:.4f} {interval}",
            "this pick" if one.recommended == PICK else one.recommended,
        )
    console = Console(
        width=shutil.get_terminal_size().columns, color_system=None, markup=False, highlight=False
    )
    with console.capture() as picked:
        console.print(table)
    return [line.rstrip() for line in picked.get().splitlines()]


def best(path: Path, framework: str, *, as_json: bool) -> Any:
    """The confirmed setting for each dataset as code."""
    if framework not in FRAMEWORKS:
        raise UsageError(f"There is no code for {framework!r}.", nearest(framework, FRAMEWORKS))
    table = read_table(path, "takehome")
    here = table[table.framework == framework]
    if as_json:
        return document(run=str(path), settings=_records(here))
    if framework == "json":
        return json.dumps({r.dataset: json.loads(r.code) for r in here.itertuples()}, indent=2)
    return "\n\n".join(f"# {r.dataset}. {r.notes}".rstrip() + f"\n{r.code}" for r in here.itertuples())


def replayed(path: Path, row: str, *, as_json: bool) -> Any:
    """One recorded row, trained again and compared."""
    with one_thread():
        found = replay(path, row)
    if as_json:
        return document(
            run=str(path), says=found.sentence, row=_records(found.rows), curve=_records(found.curves)
        )
    return found.sentence


def make_mirror(path: Path, storage: str | None, *, as_json: bool) -> Any:
    """Make the Optuna mirror of a run: a journal file, or studies in a database."""
    if storage is None:
        journal, names = optuna_mirror.write(path)
        kind, place = "journal", str(journal)
    else:
        place, names = optuna_mirror.write_into(storage, path, tell)
        kind = "database"
    if as_json:
        return document(**{kind: place, "studies": names})
    note = " (*** stands for the password)" if "***" in place else ""
    return (
        f"{place}: {len(names)} Optuna studies, such as {names[0]!r}.\n"
        f"Look at them with: optuna-dashboard {shlex.quote(place)} --host 127.0.0.1{note}"
    )


def calibration(size: str, out: Path, jobs: int, *, as_json: bool) -> Any:
    """Studies of equal things. Raises FailedError where too many of them were called different."""
    table = calibrate(size, out, jobs, tell)
    wrong = table[(table.kind == "equal") & (table.status == "missed")]
    if len(wrong):
        bad = wrong.iloc[0]
        raise FailedError(
            f"{bad.found} of {bad.studies} studies ({bad.question} of {bad.subject}) raised a false alarm "
            f"in the reading {bad.reading}, which speaks against a level of {bad.level:g}.",
            f"Do not believe calls of this version; look into {out / size}.",
        )
    if as_json:
        return document(calibration=_records(table))
    return "\n".join(
        f"{r.question}, {r.subject}, {r.datasets.replace(',', ' ')}, {r.blocks} blocks, {r.reading} at "
        f"{r.level:.2g}: {r.found} of {r.studies}, {r.rate:.1%} [{r.low:.1%}, {r.high:.1%}] {r.status}"
        for r in table.itertuples()
    )
