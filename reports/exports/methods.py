"""methods.txt: one paragraph for a paper, with this run's own numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reports.data import words
from reports.data.arithmetic import arithmetic, compiled
from reports.data.run import Run
from reports.exports.suite import cited
from studies.analysis.verdicts import AS_FAST, LEVEL, MARGINS
from studies.folder.schema.tables import TRIVIAL

METRICS = {
    "error": "the share of misclassified rows (for regression, RMSE in training standard deviations)",
    "balanced-error": "the mean over classes of the share misclassified (for regression, RMSE)",
    "loss": "the loss",
}


def methods(run: Run) -> bytes:
    """The paragraph, on one line."""
    return (" ".join(sentences(run)) + "\n").encode()


def sentences(run: Run) -> list[str]:
    """What was done, step by step."""
    return [*_trained(run), *_read(run), *_tested(run), *_confirmed(run), _made(run)]


def _trained(run: Run) -> list[str]:
    data, arms = run["datasets"].sort_values("position"), run["optimizers"].sort_values("position")
    named = [f"{run.shown(r.dataset)} ({words.plural(r.rows, 'row')})" for r in data.itertuples()]
    networks = words.join(dict.fromkeys(map(words.clean, data.model)), "or")
    samplers = words.join(dict.fromkeys(map(words.clean, arms.sampler)), "or")
    sizes = sorted({int(size) for text in data.batch_sizes for size in str(text).split(",")})
    return [
        f"We compared {words.plural(len(run.optimizers), 'optimizer')} "
        f"({words.join(run.titles(run.optimizers))}) on {words.plural(len(data), 'dataset')}: "
        f"{words.join(named)}.",
        f"Networks ({networks}) were trained for {_span(data.epochs)} epochs in mini-batches of "
        f"{_span(sizes)} rows.",
        f"Each optimizer's hyperparameters were searched by {words.plural(run.draws, 'draw')} "
        f"({samplers} sampler), and the whole search was repeated in {words.plural(run.blocks, 'block')} of "
        "each dataset; a block has its own 60/20/20 split, initial weights and order of mini-batches, shared "
        "by all optimizers.",
    ]


def _read(run: Run) -> list[str]:
    arms = run.manifest["asked"]["optimizers"].values()
    whole = any(arm["sampler"] != "random" for arm in arms)
    of = f"all its {words.plural(run.draws, 'draw')}" if whole else run.search
    error = METRICS[run.manifest["question"]["metric"]]
    texts = [
        f"A training counts as it stood at its lowest validation loss; its test error is {error}. A search "
        f"counts with the {'' if whole else 'expected '}test error of the draw with the lowest validation "
        f"loss in {of}."
    ]
    if len(run.optimizers) > 1:
        texts.append(
            "Speed is the ratio of the training examples that two searches need to the same validation "
            "losses, a geometric mean over eight of them."
        )
    return texts


def _tested(run: Run) -> list[str]:
    if len(run.optimizers) < 2:
        return []
    datasets, level = len(run.datasets), f"{100 * LEVEL:g} %"
    families = run.tested()
    if datasets > 1:
        families += f" over all datasets together and over {run.tested(datasets)} × datasets"
    points = words.plural(round(100 * MARGINS["classification"]), "point")
    kinds = {
        "classification": f"{points} of error in classification",
        "regression": f"{MARGINS['regression']:g} RMSE in regression",
    }
    tasks, loss = set(run["datasets"].task), run.manifest["question"]["metric"] == "loss"
    margins = [
        *(text for task, text in kinds.items() if task in tasks and not loss),
        f"{AS_FAST:g} times the examples",
    ]
    return [
        "Differences were paired by block and tested by exact two-sided signed-rank tests, with Holm's "
        f"correction at {level} over {families}, for each of the two readings.",
        "Two optimizers are as good as each other where their Hodges-Lehmann interval "
        f"({'95 % over all datasets together, 90 % on one' if datasets > 1 else '90 %'}) lies within a "
        f"margin fixed beforehand ({words.join(margins, 'or')}); where neither holds it is not decided.",
    ]


def _confirmed(run: Run) -> list[str]:
    models = {"linear model": "a linear model", "gradient boosting": "gradient boosting"}
    models |= {name: f"the {name}" for name in TRIVIAL}
    here = set(run["alternatives"].model)
    beside = ["its optimizer's defaults", *(said for name, said in models.items() if name in here)]
    choosing = run["candidates"].blocks
    if run["picks"].empty:
        return []
    chosen = (
        f"chosen among candidates in {_span(choosing)} fresh blocks and confirmed"
        if len(choosing)
        else "confirmed"
    )
    return [
        f"For each dataset one setting was {chosen} in {_span(run['picks'].confirmed_blocks)} "
        f"{'others' if len(choosing) else 'fresh blocks'}, beside {words.join(beside)}."
    ]


def _made(run: Run) -> str:
    question = run.manifest["question"]
    kernels = [f"{words.clean(k)} {words.clean(v)}" for k, v in sorted(question["arithmetic"].items())]
    versions = f"arithmetic: {arithmetic(run)}" if compiled(run) else ", ".join(kernels)
    return (
        f"All was made with dlopt {cited()['version']} (results version {question['results_version']}, seed "
        f"{question['seed']}; {versions}); the results have sha256 {run.sha256[:16]}."
    )


def _span(numbers: Iterable[Any]) -> str:
    """ "64", or "64 to 256"."""
    values = sorted({int(n) for n in numbers})
    ends = [words.count(n) for n in (values[0], values[-1])] if values else ["0"]
    return " to ".join(dict.fromkeys(ends))
