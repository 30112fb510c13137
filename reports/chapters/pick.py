"""One setting for each dataset, with the scores it may claim and the baselines beside it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from reports.chapters.matrix import HOLLOW
from reports.data import words
from reports.data.matrix import differ
from reports.data.run import Run, ordered
from reports.parts import Cell, Part, Table, part
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, PICK, TOO_FEW, TRIVIAL

BOOSTING = "gradient boosting"
CONFIRMED = "this setting, confirmed"

FRAMEWORKS = {"dlopt": "dlopt", "torch": "PyTorch", "optax": "optax", "sklearn": "scikit-learn"}


@part("pick", 1)
def picks(run: Run) -> Part | None:
    """What to take on each dataset, all on the same fresh blocks, and its code."""
    return Part(
        name="picks",
        question="Which setting, on each dataset?",
        answer=recommended_answer(run),
        how=(
            "All stand on the same fresh blocks, which chose nothing, and each is compared with the tuned "
            "setting block by block (exact signed-rank test, Holm over them). The linear model is "
            "logistic or ridge regression, boosting is HistGradientBoosting, both at scikit-learn's "
            "defaults. A score is the median over blocks; below it stands the Hodges-Lehmann difference to "
            f"the tuned setting, with its 95{words.THIN}% signed-rank interval. What is called better than "
            f"the tuned setting (✓) is what to take; {SAME}. The tuned setting did best in the blocks for "
            "choosing; its optimizer may be another than those that the page's first sentence names. "
            "Code is of it; on a table of yours scikit-learn's is of what is called better."
            f"{_left_out(run)}"
        ),
        basis=_basis(run),
        data=scores(run),
        csv=("picks", "alternatives", "confirmations", "baselines", "candidates"),
        tables=[_taken(run)],
        tables_first=True,
        signs=_signs(run),
        tabs=_code(run),
    )


SAME = "where something simpler is as good (=), take the simpler"
SIMPLER = ("linear model", "defaults")  # the simplest first
SIGNS = {"best": "✓", "good": "=", "open": "?", "worse": "✗"}
SAID = {
    "best": "better than the tuned setting",
    "good": "as good",
    "open": "not decided",
    "worse": "worse",
}
TONES = {"model": "best", AS_GOOD: "good", NOT_DECIDED: "open", PICK: "worse"}


def _left_out(run: Run) -> str:
    """What did not run beside a pick, and why."""
    lines = run["datasets"][run["datasets"].left_out.ne("")]
    return "".join(f" {run.shown(r.dataset)}: {words.clean(r.left_out)}" for r in lines.itertuples())


def _basis(run: Run) -> str:
    confirmed = int(run["picks"].confirmed_blocks.min())
    level = run["picks"].filter(like="_level").min().min()
    return (
        f"n: searches in {words.plural(run.blocks, 'block')}, confirmation in "
        f"{words.plural(confirmed, 'fresh block')} for each dataset; intervals at "
        f"{words.number(100 * level)}{words.THIN}% or more."
    )


def _taken(run: Run) -> Table:
    """Dataset by dataset what could be taken, and which of it to take."""
    beside = run["alternatives"].set_index(["dataset", "model"])
    known = set(run["alternatives"].model)
    shown = {"Guessing": TRIVIAL, "Linear model": ("linear model",), "Boosting": (BOOSTING,)}
    left = dict(zip(run["datasets"].dataset, run["datasets"].left_out, strict=True))
    shown = {
        title: models
        for title, models in shown.items()
        if known & set(models) or any(model in text for model in models for text in left.values())
    }
    shown |= {"Its defaults": ("defaults",)}
    rows = []
    for pick in ordered(run, run["picks"]).itertuples():
        unit = run.unit(pick.dataset)
        cells = [Cell(run.shown(pick.dataset), run.datasets.index(pick.dataset))]
        for models in shown.values():
            mine = [model for model in models if (pick.dataset, model) in beside.index]
            late = any(model in left[pick.dataset] for model in models)
            nothing = Cell("–", note="would take too long" if late else "")
            cells.append(_against(beside.loc[(pick.dataset, mine[0])], unit) if mine else nothing)
        cells.append(_tuned(run, pick, unit))
        rows.append([*cells, _take(run, pick)])
    heads = ["Dataset", *shown, "Tuned setting", "Take"]
    names = [str(name) for name in ordered(run, run["picks"]).dataset]
    caption = (
        f"Median test error on fresh blocks ({run.units}); below, block by block, the difference to the "
        "tuned setting"
    )
    return Table(heads, rows, caption, datasets=names)


def _signs(run: Run) -> list[Cell]:
    """What the signs mean, and a dotted interval where there is one."""
    beside = run["alternatives"]
    tones = beside.verdict.map(TONES).fillna("few")
    said = [Cell(f"{SIGNS[name]} {text}", tone=name) for name, text in SAID.items()]
    return [*said, *([HOLLOW] if any(map(differ, tones, beside.gap_low, beside.gap_high)) else [])]


def _take(run: Run, pick: Any) -> Cell:
    """What to take: what is called better, else what is as good and simpler, else the tuned setting."""
    beside = run["alternatives"][run["alternatives"].dataset == pick.dataset].set_index("model").verdict
    known = {model: beside[model] for model in SIMPLER if model in beside.index}
    alike = [model for model, call in known.items() if call == AS_GOOD]
    if (beside == TOO_FEW).any():
        return Cell("–")
    if pick.recommended != PICK:
        taken, note = str(pick.recommended), ""
    elif alike:
        taken, note = alike[0], "as good, and simpler"
    else:
        open_ = [the(model) for model, call in known.items() if call == NOT_DECIDED]
        taken, note = "tuned setting", f"{words.join(open_)}: not decided" if open_ else ""
    text = "its defaults" if taken == "defaults" else words.clean(taken)
    return Cell(text, text, note, tone="best")


def _against(one: Any, unit: words.Unit) -> Cell:
    """The score of something simpler, and how far from the tuned setting it ends, paired."""
    tone, score = TONES.get(one.verdict, ""), _score(one.estimate, one.low, one.high, unit)
    gap = words.interval(-one.gap, -one.gap_high, -one.gap_low, unit, difference=True, name=False)
    text = f"{SIGNS.get(tone, '')} {score.text}".strip()
    hollow = differ(tone or "few", one.gap_low, one.gap_high)
    return score._replace(text=text, note=gap if one.verdict else score.note, tone=tone, hollow=hollow)


def _tuned(run: Run, pick: Any, unit: words.Unit) -> Cell:
    score = _score(pick.confirmed, pick.confirmed_low, pick.confirmed_high, unit)
    lr = words.settings(pick.settings).get("lr")
    what = [run.title(pick.optimizer), f"batch {words.count(pick.batch_size)}"]
    what += [f"rate {words.setting('lr', lr)}"] if lr is not None else []
    what += [] if pick.decay == "none" else [f"{words.clean(pick.decay)} decay"]
    if pick.confirmed_diverged:
        what.append(f"{pick.confirmed_diverged} of {pick.confirmed_blocks} diverged")
    return score._replace(note=f"{score.note} {', '.join(what)}".strip())


@part("pick", 2)
def settings(run: Run) -> Part:
    """The tuned settings, with what the winners say of each hyperparameter."""
    return Part(
        name="settings",
        question="Which settings are these?",
        answer=_settings_answer(run),
        how=(
            f"{_chosen(run)} Brackets under a value are its optimizer's winners' quartiles: a wide one means "
            "that it hardly matters. “What a search reached”: the median over blocks of the test error "
            f"expected of {run.search}; “{CONFIRMED}” is this one setting, trained again in other fresh "
            "blocks that chose nothing. Only the second may stand beside the code."
        ),
        basis=_basis(run),
        tables=[_table(run)],
        tables_first=True,
        csv=("picks", "candidates"),
        folded=True,
    )


def _settings_answer(run: Run) -> str:
    lines = run["picks"]
    worse = int((lines.confirmed > lines.searched).sum())
    return (
        f"In fresh blocks {worse} of {len(lines)} end above what their search reached, as a chosen setting "
        "is expected to."
        if worse
        else f"In fresh blocks none of {len(lines)} ends above what its search reached."
    )


def _chosen(run: Run) -> str:
    """How a setting became the pick."""
    blocks = int(run["candidates"].blocks.iloc[0])
    if not blocks:  # when this run was made, there was nothing to choose among
        return (
            "The pick is the median of the winning draws of the optimizer placed first (the most frequent "
            "batch size, medians on the log scale)."
        )
    return (
        "Candidates are, of every optimizer that nobody beats on that dataset, the median of its winning "
        "draws (the most frequent batch size, medians on the log scale) and its defaults, and every winner "
        f"of the one placed first. The pick has the lowest mean error in {words.count(blocks)} fresh blocks; "
        "within one standard error defaults come first, then medians."
    )


def scores(run: Run) -> pd.DataFrame:
    """Baselines, defaults, search and confirmed setting of each dataset, one line each."""
    named = {PICK: CONFIRMED, "defaults": "its defaults"}
    lines = []
    for pick in ordered(run, run["picks"]).itertuples():
        beside = run["alternatives"][run["alternatives"].dataset == pick.dataset].set_index("model")
        order = [m for m in beside.index if m not in (*TRIVIAL, PICK)]
        for model in order:
            one = beside.loc[model]
            what = named.get(str(model), str(model))
            lines.append((pick.dataset, what, one.estimate, one.low, one.high, int(one.blocks)))
        searched = (pick.searched, pick.searched_low, pick.searched_high, run.blocks)
        lines.append((pick.dataset, "what a search reached", *searched))
        confirmed = (pick.confirmed, pick.confirmed_low, pick.confirmed_high, int(pick.confirmed_blocks))
        lines.append((pick.dataset, CONFIRMED, *confirmed))
    return pd.DataFrame(lines, columns=["dataset", "what", "estimate", "low", "high", "blocks"])


def better(run: Run) -> dict[str, str]:
    """The datasets on which something is called better than the pick, and what is recommended there."""
    lines = ordered(run, run["picks"])
    return {r.dataset: r.recommended for r in lines.itertuples() if r.recommended != PICK}


def recommended_answer(run: Run) -> str:
    """What to take where, in numbers of datasets: the table says which."""
    beside, instead = run["alternatives"], better(run)
    if beside.verdict.eq("").all():
        return "When this run was made, nothing was compared with the picks."
    if (beside.verdict == TOO_FEW).any():
        return "The fresh blocks are too few to compare the tuned setting with anything."
    alike = [d for d in run.datasets if d not in instead and _simpler(beside[beside.dataset == d])]
    rest = [d for d in run.datasets if d not in instead and d not in alike]
    parts = [
        f"take {the(model)} on {_places(run, [d for d, m in instead.items() if m == model])}, where it is "
        "better"
        for model in dict.fromkeys(instead.values())
    ]
    parts += [f"on {_places(run, alike)} something simpler is as good"] if alike else []
    if rest:
        where = "elsewhere" if instead or alike else "everywhere" if len(run.datasets) > 1 else "here"
        parts.append(f"{where} take the tuned setting")
    return words.sentence(parts)


def _places(run: Run, names: list[str]) -> str:
    """Up to three datasets by name."""
    return words.join(map(run.shown, names)) if len(names) <= 3 else words.plural(len(names), "dataset")


def _simpler(beside: pd.DataFrame) -> bool:
    return bool((beside.verdict.eq(AS_GOOD) & beside.model.isin(SIMPLER)).any())


def the(model: str) -> str:
    """What could be taken, with its article."""
    named = {"defaults": "its optimizer's defaults", BOOSTING: BOOSTING}
    return named.get(model, f"the {model}")


def _table(run: Run) -> Table:
    rows = []
    for pick in ordered(run, run["picks"]).itertuples():
        unit = run.unit(pick.dataset)
        values, quartiles = words.settings(pick.settings), words.ranges(pick.quartiles)
        searched = {k: v for k, v in values.items() if k in quartiles and k not in ("lr", "gamma")}
        others = [f"{words.symbol(k)} {words.setting(k, v)}" for k, v in searched.items()]
        spread = [f"{words.symbol(k)} {_range(k, quartiles[k])}" for k in searched]
        decay = "no decay" if pick.decay == "none" else f"{words.clean(pick.decay)} decay"
        if "gamma" in values:
            decay += f", γ {words.setting('gamma', values['gamma'])} per epoch"
        alike = [run.title(name) for name in str(pick.as_good).split(",") if name]
        unsure = [run.title(name) for name in str(pick.not_decided).split(",") if name]
        lr = Cell("–")
        if "lr" in values and "lr" in quartiles:
            lr = Cell(words.number(values["lr"], 2), values["lr"], _range("lr", quartiles["lr"]))
        confirmed = _score(pick.confirmed, pick.confirmed_low, pick.confirmed_high, unit)
        if pick.confirmed_diverged:
            confirmed = confirmed._replace(
                note=f"{confirmed.note} {pick.confirmed_diverged} of {pick.confirmed_blocks} diverged"
            )
        rows.append(
            [
                Cell(run.shown(pick.dataset), run.datasets.index(pick.dataset)),
                Cell(run.title(pick.optimizer), note=words.clean(pick.what)),
                Cell(words.join(alike) or "none", len(alike)),
                Cell(words.join(unsure) or "none", len(unsure)),
                Cell(
                    words.count(pick.batch_size),
                    int(pick.batch_size),
                    f"{pick.winners} of {run.blocks} winners",
                ),
                lr,
                Cell(", ".join([*others, decay]), "", ", ".join(spread)),
                _score(pick.searched, pick.searched_low, pick.searched_high, unit),
                confirmed,
            ]
        )
    heads = ["Dataset", "Optimizer", "As good", "Not decided", "Batch size", "Learning rate"]
    heads += ["Other settings", "What a search reached", "This setting, confirmed"]
    caption = f"Test error ({run.units}): median and interval."
    return Table(heads, rows, caption, frozenset({4, 5, 7, 8}))


def _score(estimate: float, low: float, high: float, unit: words.Unit) -> Cell:
    text, _, bracket = words.interval(estimate, low, high, unit).partition(" [")
    return Cell(
        text.removesuffix(" RMSE"),
        float(estimate),
        f"[{bracket}" if bracket else "",
    )


def _range(field: str, ends: list[float]) -> str:
    low, high = (words.setting(field, float(x)) for x in ends)
    return f"{low}–{high}"


def _code(run: Run) -> dict[str, list[tuple[str, str]]]:
    """The confirmed settings for each framework, by dataset, and why one is missing; and as JSON."""
    lines = ordered(run, run["takehome"])
    tabs = {
        title: [
            (f"{run.shown(r.dataset)}. {words.clean(r.notes)}".strip(), words.lines(r.code) or "–")
            for r in lines[lines.framework == name].itertuples()
        ]
        for name, title in FRAMEWORKS.items()
    }
    plain = {
        str(r.dataset): {"optimizer": r.optimizer, "batch_size": int(r.batch_size), "decay": r.decay}
        | words.settings(r.settings)
        for r in ordered(run, run["picks"]).itertuples()
    }
    text = words.lines(json.dumps(plain, indent=1, ensure_ascii=False))
    return {title: codes for title, codes in tabs.items() if codes} | {"JSON": [("All datasets.", text)]}
