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

TRIVIAL = ("majority class", "mean")
BOOSTING = "gradient boosting"
MARKS = {"linear model": "D", BOOSTING: "v", "this setting, confirmed": "o", "its defaults": "s"}


FRAMEWORKS = {"dlopt": "dlopt", "torch": "PyTorch", "optax": "optax", "sklearn": "scikit-learn"}


@part("pick")
def picks(run: Run) -> Part | None:
    """The table of picks, its code, and the picture of what they are worth."""
    frame = scores(run)
    confirmed = int(run["picks"].confirmed_blocks.min())
    level = run["picks"].filter(like="_level").min().min()
    boosting = " gradient boosting HistGradientBoosting, both" if _boosted(run) else ""
    return Part(
        name="picks",
        question="Which setting should I take, and what is it worth?",
        answer=linear_answer(run),
        how=(
            "The pick is the most frequent batch size and the median hyperparameters (on the log scale) of "
            "the winning draws of the optimizer with the best mean rank on that dataset; brackets under a "
            "value are the winners' quartiles, so a wide bracket means that it hardly matters. “Tied "
            "with”: cannot be told apart from it there; take the one you know. “What a search reached” is "
            f"the median over blocks of the expected test error of {run.search}; “this setting, confirmed” "
            "is this one setting, trained again in fresh blocks that chose nothing. Only the second may "
            "stand beside the code. In the picture: marks are medians, bars their order-statistic "
            "intervals, small dots single confirming blocks, a cross at the edge a diverged one. The "
            f"linear model is logistic regression, or ridge regression,{boosting} at scikit-learn's defaults "
            "on the same fresh blocks."
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
        csv=("picks", "confirmations", "baselines"),
        tables=[_table(run)],
        tables_first=True,
        code=_code(run),
    )


def scores(run: Run) -> pd.DataFrame:
    """Linear model, defaults, search and confirmed setting of each dataset, one line each."""
    lines = []
    for pick in ordered(run, run["picks"]).itertuples():
        base = run["baselines"][run["baselines"].dataset == pick.dataset].set_index("model")
        for model in [m for m in base.index if m not in TRIVIAL]:
            one = base.loc[model]
            lines.append((pick.dataset, str(model), one.estimate, one.low, one.high, int(one.blocks)))
        mine = run["tuning"].query("dataset == @pick.dataset and optimizer == @pick.optimizer").iloc[0]
        lines.append((pick.dataset, "its defaults", mine.untuned, np.nan, np.nan, int(mine.blocks)))
        lines.append(
            (
                pick.dataset,
                "what a search reached",
                pick.searched,
                pick.searched_low,
                pick.searched_high,
                int(mine.blocks),
            )
        )
        confirmed = (pick.confirmed, pick.confirmed_low, pick.confirmed_high, int(pick.confirmed_blocks))
        lines.append((pick.dataset, "this setting, confirmed", *confirmed))
    return pd.DataFrame(lines, columns=["dataset", "what", "estimate", "low", "high", "blocks"])


def linear_wins(run: Run) -> list[str]:
    """Datasets on which the linear model is at least as good as the confirmed pick, median against median."""
    linear = run["baselines"].query("model == 'linear model'").set_index("dataset").estimate
    picked = run["picks"].set_index("dataset").confirmed
    return [d for d in run.datasets if d in linear.index and d in picked.index and linear[d] <= picked[d]]


def linear_answer(run: Run) -> str:
    """Whether the picks are worth more than a linear model."""
    frame = scores(run)
    here = frame[frame.what == "linear model"].set_index("dataset")
    if here.empty:
        return "No linear model was fitted beside these picks."
    worse = linear_wins(run)
    better = [d for d in run.datasets if d in here.index and d not in worse]
    picked = frame[frame.what == "this setting, confirmed"].set_index("dataset")

    def both(dataset: str) -> str:
        unit = run.unit(dataset)
        two = [
            words.interval(t.estimate, t.low, t.high, unit) for t in (picked.loc[dataset], here.loc[dataset])
        ]
        return f"{run.shown(dataset)} {two[0]} against the linear model's {two[1]}"

    if not worse:
        return (
            "On every dataset the confirmed pick ends below a linear model in median: "
            f"{'; '.join(map(both, better))}."
        )
    start = (
        f"On {words.join(map(run.shown, worse))} a plain linear model is at least as good as the confirmed "
        "pick in median"
    )
    text = f"{start} ({'; '.join(map(both, worse))}): there, take the linear model"
    if better:
        text += (
            f". On {words.join(map(run.shown, better))} the pick ends below it "
            f"({'; '.join(map(both, better))})"
        )
    return text + "."


def _boosted(run: Run) -> bool:
    return bool((run["baselines"].model == BOOSTING).any())


def _table(run: Run) -> Table:
    rows, wins, boosted = [], linear_wins(run), _boosted(run)
    for pick in ordered(run, run["picks"]).itertuples():
        unit = run.unit(pick.dataset)
        values, quartiles = words.settings(pick.settings), words.ranges(pick.quartiles)
        searched = {k: v for k, v in values.items() if k in quartiles and k not in ("lr", "gamma")}
        others = [f"{words.symbol(k)} {words.setting(k, v)}" for k, v in searched.items()]
        spread = [f"{words.symbol(k)} {_range(k, quartiles[k])}" for k in searched]
        decay = "no decay" if pick.decay == "none" else f"{words.clean(pick.decay)} decay"
        if "gamma" in values:
            decay += f", γ {words.setting('gamma', values['gamma'])} per epoch"
        base = run["baselines"][run["baselines"].dataset == pick.dataset].set_index("model")
        tied = [run.title(name) for name in str(pick.tied_with).split(",") if name]
        lr = Cell("–")
        if "lr" in values and "lr" in quartiles:
            lr = Cell(words.number(values["lr"], 2), values["lr"], _range("lr", quartiles["lr"]))
        confirmed = _score(pick.confirmed, pick.confirmed_low, pick.confirmed_high, unit)
        if pick.confirmed_diverged:
            confirmed = confirmed._replace(
                note=f"{confirmed.note} {pick.confirmed_diverged} of {pick.confirmed_blocks} diverged"
            )
        linear, trivial, boosting = Cell("–"), Cell("–"), Cell("–")
        for model, one in base.iterrows():
            score = _score(one.estimate, one.low, one.high, unit)
            if model in TRIVIAL:
                trivial = score._replace(note=words.clean(model))
            elif model == BOOSTING:
                boosting = score
                if one.estimate <= pick.confirmed:
                    boosting = score._replace(note=f"{score.note} as good or better", status="look")
            elif pick.dataset in wins:
                linear = score._replace(note=f"{score.note} as good or better", status="look")
            else:
                linear = score
        rows.append(
            [
                Cell(run.shown(pick.dataset), run.datasets.index(pick.dataset)),
                Cell(run.title(pick.optimizer)),
                Cell(words.join(tied) or "none", len(tied)),
                Cell(
                    words.count(pick.batch_size),
                    int(pick.batch_size),
                    f"{pick.winners} of {run.blocks} winners",
                ),
                lr,
                Cell(", ".join([*others, decay]), "", ", ".join(spread)),
                _score(pick.searched, pick.searched_low, pick.searched_high, unit),
                confirmed,
                linear,
                *([boosting] if boosted else []),
                trivial,
            ]
        )
    heads = ["Dataset", "Optimizer", "Tied with", "Batch size", "Learning rate", "Other settings"]
    heads += ["What a search reached", "This setting, confirmed", "Linear model"]
    heads += [*(["Gradient boosting"] if boosted else []), "Trivial"]
    caption = f"Test error ({run.units}): median and interval."
    return Table(heads, rows, caption, frozenset({3, 4, *range(6, len(heads))}))


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
    confirmations = run["confirmations"]
    for ax, dataset in zip(axes, run.datasets, strict=True):
        unit = run.unit(dataset)
        here = frame[frame.dataset == dataset].set_index("what")
        fresh = confirmations[confirmations.dataset == dataset].test_error.to_numpy(float) * unit.factor
        ok = fresh[np.isfinite(fresh)]
        row = kinds.index("this setting, confirmed")
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
