"""Which hyperparameters matter: PED-ANOVA's shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from reports.data import words
from reports.data.arms import column
from reports.data.run import Run, ordered
from reports.draw import style
from reports.parts import Part, part

SHORT = {"learning rate": "lr", "batch size": "batch", "weight decay": "weight\ndecay"}
FOLDED = 16  # more optimizers: shown on request


@part("tuning", 2)
def importances(run: Run) -> Part | None:
    """The share of each hyperparameter, one panel a dataset."""
    frame = ordered(run, run["importances"])
    frame = frame[np.isfinite(frame.importance) & frame.dataset.isin(run.datasets) & ~_constant(run, frame)]
    if frame.empty:
        return None
    draws = sorted({int(n) for n in frame["rows"]})
    return Part(
        name="importances",
        question="Which hyperparameters matter?",
        answer=_answer(run, frame),
        how=(
            "The number is PED-ANOVA's share in % (Watanabe and others, 2023): how much each hyperparameter, "
            "taken alone, has to do with a draw being in the best tenth by validation loss. The shares of "
            "one optimizer on one dataset sum to 100; an empty cell: it is not drawn there. It depends on "
            "the ranges searched. ± is a standard error. A description, and not a test."
        ),
        basis=(
            f"n: {words.join(map(words.count, draws), 'or')} draws of an optimizer on a dataset, of all its "
            "blocks together; 1−γ among those that have it. Standard errors: each fifth of the blocks left "
            "out once (jackknife)."
        ),
        draw=lambda: _draw(run, frame),
        describe="Heat maps of optimizers by hyperparameters, one panel per dataset.",
        data=frame,
        csv=("importances",),
        folded=frame.optimizer.nunique() > FOLDED,
    )


def _constant(run: Run, frame: pd.DataFrame) -> pd.Series:
    """Whether it is no choice at all: a search of one batch size, or of one kind of decay."""
    kinds = {"batch_size": column(run, "batch_sizes"), "decay": column(run, "decays")}
    one = [
        p in kinds and bool(text := kinds[p][str(o)]) and "," not in text
        for o, p in zip(frame.optimizer, frame.parameter, strict=True)
    ]
    return pd.Series(one, index=frame.index, dtype=bool)


def _sure(one: pd.Series) -> str:
    """A share with its standard error."""
    error = f" ± {percent(one.error)}" if np.isfinite(one.error) else ""
    return f"{percent(one.importance)}{error}{words.THIN}%"


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return words.fixed(100 * share, 0)


def _answer(run: Run, frame: pd.DataFrame) -> str:
    ranked = frame.sort_values("importance", ascending=False, kind="stable")
    top = ranked.drop_duplicates(["dataset", "optimizer"])
    counts = top.parameter.value_counts(sort=False)
    order = [str(name) for name in frame.parameter.drop_duplicates()]
    order.sort(key=lambda name: -int(counts.get(name, 0)))
    first, cases = order[0], len(top)
    mine = frame[frame.parameter == first].sort_values("importance", kind="stable")
    low, high = _sure(mine.iloc[0]), _sure(mine.iloc[-1])
    span = low if low == high else f"{low} to {high}"
    most = int(counts[first])
    cells = words.plural(cases, "case")
    lead = f"all {cells}" if most == cases else f"{most} of {cells}"
    where = " (an optimizer on a dataset)" if cases > 1 else ""
    parts = [f"{_the(first)} has the largest share in {lead}{where}, and {span} of the importance overall"]
    rest = ranked[ranked.parameter != first]
    if len(rest):
        one = rest.iloc[0]
        leads = int(counts.get(one.parameter, 0))
        also = f", and it leads in {leads}" if leads else ""
        parts.append(
            f"of the others {_the(str(one.parameter))} reaches most, {_sure(one)} "
            f"for {run.title(one.optimizer)} on {run.shown(one.dataset)}{also}"
        )
    return words.sentence(parts)


def _the(parameter: str) -> str:
    name = words.symbol(parameter)
    return f"the {name}" if name[:1].isascii() and name[:1].isalpha() else name


def _draw(run: Run, frame: pd.DataFrame) -> Figure:
    names = [name for name in run.optimizers if name in set(frame.optimizer)]
    parameters = [str(name) for name in frame.parameter.drop_duplicates()]
    places = ["lr", "batch_size", "decay"]
    parameters.sort(key=lambda p: (places.index(p) if p in places else len(places), p == "1-gamma"))
    columns = 1 if len(run.datasets) == 1 else 2
    lines = -(-len(run.datasets) // columns)
    height = 0.72 + (0.24 if len(names) < 9 else 0.2) * len(names)
    fig = Figure(figsize=(style.WIDTH, lines * height), layout="constrained")
    axes = fig.subplots(lines, columns, squeeze=False).ravel()
    labels = [SHORT.get(words.symbol(p), words.symbol(p)) for p in parameters]
    for i, (ax, dataset) in enumerate(zip(axes, run.datasets, strict=False)):
        here = frame[frame.dataset == dataset]
        wide = here.pivot(index="optimizer", columns="parameter", values="importance")
        values = wide.reindex(index=names, columns=parameters).to_numpy(float)
        sns.heatmap(
            values,
            ax=ax,
            cmap=ListedColormap(style.HEAT),
            vmin=0.0,
            vmax=1.0,
            mask=np.isnan(values),
            annot=np.array([["" if np.isnan(v) else percent(v) for v in row] for row in values]),
            fmt="",
            annot_kws={"color": style.INK, "fontsize": 8},
            linewidths=1,
            linecolor=style.CARD,
            cbar=False,
            xticklabels=labels,
            yticklabels=[words.short(t, 18) for t in run.titles(names)] if i % columns == 0 else False,
        )
        ax.tick_params(length=0, labelcolor=style.INK, labelrotation=0, labelsize=8)
        ax.set(xlabel="", ylabel="")
        ax.set_title(f"{words.short(run.shown(dataset))}, %")
    for ax in axes[len(run.datasets) :]:
        ax.set_axis_off()
    return fig
