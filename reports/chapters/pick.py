"""One setting for each dataset, with the scores it may claim and the baselines beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run, ordered
from reports.draw import style
from reports.parts import Cell, Part, Table, part
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, PICK, TOO_FEW, TRIVIAL

BOOSTING = "gradient boosting"
CONFIRMED = "this setting, confirmed"
MARKS = {"linear model": "D", BOOSTING: "v", CONFIRMED: "o", "its defaults": "s"}

FRAMEWORKS = {"dlopt": "dlopt", "torch": "PyTorch", "optax": "optax", "sklearn": "scikit-learn"}


@part("pick")
def picks(run: Run) -> Part | None:
    """The table of picks, its code, and the picture of what they are worth."""
    frame = scores(run)
    confirmed = int(run["picks"].confirmed_blocks.min())
    level = run["picks"].filter(like="_level").min().min()
    return Part(
        name="picks",
        question="Which setting should I take, and what is it worth?",
        answer=recommended_answer(run),
        how=(
            "Candidates are, of every optimizer that nobody beats on that dataset, the median of its winning "
            "draws (the most frequent batch size, medians on the log scale) and its defaults, and every "
            f"winner of the one placed first. The pick has the lowest mean error in {_choosing(run)} fresh "
            "blocks; within one standard error defaults come first, then medians. Brackets under a value are "
            "its optimizer's winners' quartiles: a wide one means that it hardly matters. “As good”: take "
            "the one you know. “What a search reached”: the median over blocks of the test error expected of"
            f" {run.search}; “{CONFIRMED}” is this one setting, trained again in other fresh blocks that "
            "chose nothing. Only the second may stand beside the code. On the same blocks stand its "
            "optimizer's defaults, logistic or ridge regression and HistGradientBoosting, both at "
            "scikit-learn's defaults; each is compared with the pick block by block, Holm over them. In the "
            "picture: marks are medians, bars their order-statistic intervals, small dots single confirming "
            "blocks, a cross at the edge a diverged one."
        ),
        basis=(
            f"n: searches in {words.plural(run.blocks, 'block')}, confirmation in "
            f"{words.plural(confirmed, 'fresh block')} for each dataset; intervals at "
            f"{words.number(100 * level)}{words.THIN}% or more."
        ),
        draw=lambda: _draw(run, frame),
        describe=(
            "For each dataset: linear model, defaults, search and confirmed setting on one axis of test "
            "error."
        ),
        data=frame,
        csv=("picks", "alternatives", "confirmations", "baselines", "candidates"),
        tables=[_table(run), _beside(run)],
        tables_first=True,
        code=_code(run),
    )


def _choosing(run: Run) -> str:
    return words.count(run["candidates"].blocks.iloc[0])


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


def instead(run: Run) -> dict[str, str]:
    """The datasets on which something is called better than the pick, and what is recommended there."""
    lines = ordered(run, run["picks"])
    return {r.dataset: r.recommended for r in lines.itertuples() if r.recommended != PICK}


def recommended_answer(run: Run) -> str:
    """What to take where: the pick, or what is better, and where a simpler model is as good."""
    beside, better = run["alternatives"], instead(run)
    if beside.verdict.eq("").all():
        return "When this run was made, nothing was compared with the picks."
    clauses = []
    for dataset, model in better.items():
        one = beside[(beside.dataset == dataset) & (beside.model == model)].iloc[0]
        gap = words.interval(one.gap, one.gap_low, one.gap_high, run.unit(dataset), difference=True)
        clauses.append(f"on {run.shown(dataset)} take {_the(model)}, above which the pick ends {gap}")
    for verdict, told in ((AS_GOOD, "is as good as the pick"), (NOT_DECIDED, "is not decided against it")):
        for model in (*TRIVIAL, "linear model", "defaults", BOOSTING):
            here = beside[(beside.model == model) & (beside.verdict == verdict)]
            where = [d for d in run.datasets if d in set(here.dataset) and d not in better]
            if where:
                clauses.append(f"on {words.join(map(run.shown, where))} {_the(model)} {told}")
    few = [d for d in run.datasets if (beside.verdict[beside.dataset == d] == TOO_FEW).any()]
    if few:
        clauses.append(f"on {words.join(map(run.shown, few))} the fresh blocks are too few to compare it")
    if not clauses:
        names = words.join(map(run.shown, run.datasets))
        return f"On {names} the pick is better than all that stands beside it."
    return words.sentence(clauses)


def _the(model: str) -> str:
    named = {"defaults": "its optimizer's defaults", BOOSTING: BOOSTING}
    return named.get(model, f"the {model}")


def _beside(run: Run) -> Table:
    """The pick against each alternative, on the same blocks."""
    said = {PICK: "the pick is better", "model": "it is better"}
    rows = []
    for r in ordered(run, run["alternatives"]).itertuples():
        if not r.verdict:
            continue
        unit = run.unit(r.dataset)
        gap = words.interval(r.gap, r.gap_low, r.gap_high, unit, difference=True)
        rows.append(
            [
                Cell(run.shown(r.dataset), run.datasets.index(r.dataset)),
                Cell("its defaults" if r.model == "defaults" else words.clean(r.model)),
                _score(r.estimate, r.low, r.high, unit),
                Cell(gap, float(r.gap)),
                Cell(words.p_value(r.p_holm), float(r.p_holm)),
                Cell(said.get(r.verdict, r.verdict), note="recommended" if r.recommended else ""),
            ]
        )
    heads = ["Dataset", "Against", "Its test error", "Pick − it, paired", "p after Holm", "Verdict"]
    return Table(heads, rows, "The pick and what stands beside it, on the same fresh blocks")


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


def _code(run: Run) -> list[tuple[str, str]]:
    """The confirmed settings for each framework, and why one is missing."""
    lines = ordered(run, run["takehome"])
    found = []
    for name in FRAMEWORKS:
        for r in lines[lines.framework == name].itertuples():
            label = f"{run.shown(r.dataset)}, {FRAMEWORKS[name]}. {words.clean(r.notes)}"
            found.append((label.strip(), words.lines(r.code) or "–"))
    return found


def _draw(run: Run, frame: pd.DataFrame) -> Figure:
    kinds = list(dict.fromkeys(frame.what))
    fig, axes = style.grid(len(run.datasets), 0.6 + 0.27 * len(kinds))
    confirmations = run["confirmations"].query("what == @PICK")
    for ax, dataset in zip(axes, run.datasets, strict=True):
        unit = run.unit(dataset)
        here = frame[frame.dataset == dataset].set_index("what")
        fresh = confirmations[confirmations.dataset == dataset].test_error.to_numpy(float) * unit.factor
        ok = fresh[np.isfinite(fresh)]
        row = kinds.index(CONFIRMED)
        if len(ok):
            sns.stripplot(
                x=ok,
                y=np.full(len(ok), row),
                orient="h",
                native_scale=True,
                jitter=False,
                size=3,
                color=style.GREY,
                alpha=0.55,
                ax=ax,
            )
        for i, kind in enumerate(kinds):
            if kind not in here.index or not np.isfinite(here.estimate[kind]):
                continue
            x, low, high = (here.loc[kind, c] * unit.factor for c in ("estimate", "low", "high"))
            mark = MARKS.get(kind, "^")
            colour = style.LIGHT["series3"] if i == row else style.INK
            ends = [e for e in (low, high) if np.isfinite(e)]
            if len(ends) == 2:
                ax.plot([low, high], [i, i], color=colour, lw=1.6, solid_capstyle="butt")
            ax.plot([x], [i], marker=mark, ms=5.5, color=colour, mec=style.CARD, mew=0.7)
        failed = len(fresh) - len(ok)
        if failed:
            ax.plot(
                [1],
                [row],
                marker="x",
                ms=5,
                color=style.BAD,
                transform=ax.get_yaxis_transform(),
                clip_on=False,
            )
            ax.text(
                1.03,
                row,
                f"{failed}",
                transform=ax.get_yaxis_transform(),
                color=style.BAD,
                va="center",
                fontsize=8,
            )
        ax.set_yticks(range(len(kinds)), kinds if ax in axes[:: _columns(len(axes))] else [""] * len(kinds))
        ax.set_ylim(len(kinds) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0, labelcolor=style.INK)
        style.linear_axis(ax, "x", 5)
        ax.set_xlabel(unit.axis)
        ax.set_ylabel("")
        ax.set_title(words.short(run.shown(dataset)))
        ax.grid(axis="x", color=style.LINE)
    return fig


def _columns(n: int) -> int:
    return {1: 1, 2: 2, 4: 2}.get(n, 3)


@part("pick")
def decided(run: Run) -> Part | None:
    """What was decided about a table of the user's own."""
    frame = run["datasets"].sort_values("position")
    frame = frame[frame.notes.ne("")]
    if frame.empty:
        return None
    rows = [
        [Cell(run.shown(r.dataset)), Cell(words.clean(line))]
        for r in frame.itertuples()
        for line in str(r.notes).split("\n")
    ]
    return Part(
        name="your-table",
        question="What was made of your table?",
        answer=f"{words.plural(len(rows), 'decision')}; --task, --group and --time change some of them.",
        basis="No number is estimated here.",
        tables=[Table(["Table", "What was decided"], rows, "Decisions", sortable=False)],
        tables_first=True,
        csv=("datasets",),
    )
