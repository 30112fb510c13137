"""The tables of a run folder: columns, units, keys. What reports may rely on."""

from __future__ import annotations

from typing import NamedTuple

FORMAT = 1  # of the run folder; a newer one is refused
VARYING = ("timings", "batch_times")  # tables that differ between two runs of one study


class Column(NamedTuple):
    """A column: its type ("string", "int", "float", "bool") and what it holds."""

    type: str
    meaning: str


class Schema(NamedTuple):
    """A table: its key, which is also its sort order, and its columns."""

    key: tuple[str, ...]
    columns: dict[str, Column]


_DATASET = {"dataset": Column("string", "the dataset's name")}
_BLOCK = {**_DATASET, "block": Column("int", "the block's number, from 0; from 1,000,000 for confirmations")}
_OPTIMIZER = {"optimizer": Column("string", "the optimizer's name")}
_SCOPE = {"scope": Column("string", "a dataset's name, or 'pooled' for all of them together")}
_READING = {"reading": Column("string", "'error': expected test error of a search; 'ratio': of examples")}
_ROW = {
    **_BLOCK,
    **_OPTIMIZER,
    "kind": Column("string", "'search', 'untuned' (its defaults) or 'confirm' (a pick in a fresh block)"),
    "draw": Column("int", "the draw's number within its search, from 0"),
}
_ESTIMATE = {
    "estimate": Column("float", "the estimate"),
    "low": Column("float", "lower end of its interval"),
    "high": Column("float", "upper end of its interval"),
    "level": Column("float", "the interval's level"),
}
_N = {"blocks": Column("int", "blocks behind it")}

TABLES: dict[str, Schema] = {
    "rows": Schema(
        ("dataset", "block", "optimizer", "kind", "draw"),
        {
            **_ROW,
            "batch_size": Column("int", "rows of data in a mini-batch"),
            "decay": Column("string", "'none' or the schedule's name"),
            "settings": Column("string", "all hyperparameters as JSON"),
            "lr": Column("float", "learning rate"),
            "status": Column("string", "'ok' or 'diverged'"),
            "diverged_step": Column("int", "the step of divergence, 0 if none"),
            "best_validation_loss": Column("float", "at the best checkpoint; inf if diverged"),
            "best_validation_error": Column("float", "at that checkpoint"),
            "best_examples": Column("int", "training examples seen by then"),
            "best_step": Column("int", "steps taken by then"),
            "test_loss": Column("float", "read once, at the end, with the best checkpoint's parameters"),
            "test_error": Column("float", "likewise: share misclassified, or RMSE in training deviations"),
        },
    ),
    "curves": Schema(
        ("dataset", "block", "optimizer", "kind", "draw", "examples"),
        {
            **_ROW,
            "examples": Column("int", "training examples seen"),
            "step": Column("int", "steps taken"),
            "validation_loss": Column("float", "on the validation rows; inf after divergence"),
            "validation_error": Column("float", "likewise"),
            "training_loss": Column("float", "mean mini-batch loss since the last record; NaN at the start"),
        },
    ),
    "envelopes": Schema(
        ("dataset", "block", "optimizer", "examples"),
        {
            **_BLOCK,
            **_OPTIMIZER,
            "examples": Column("int", "training examples seen"),
            "loss": Column("float", "lowest validation loss so far over the search's draws"),
        },
    ),
    "readings": Schema(
        ("dataset", "block", "optimizer"),
        {
            **_BLOCK,
            **_OPTIMIZER,
            "search_error": Column(
                "float", "expected test error of a search of half of the draws (or winner_error)"
            ),
            "winner_error": Column("float", "test error of the draw with the lowest validation loss"),
            "untuned_error": Column("float", "test error of the optimizer's defaults"),
            "untuned_diverged": Column("bool", "the defaults diverged"),
            "none_error": Column("float", "expected test error of a search among the draws without decay"),
            "exponential_error": Column("float", "likewise among the draws with exponential decay"),
            "diverged": Column("int", "draws that diverged"),
            "rows": Column("int", "draws in all"),
        },
    ),
    "ratios": Schema(
        ("dataset", "block", "a", "b"),
        {
            **_BLOCK,
            "a": Column("string", "an optimizer"),
            "b": Column("string", "another"),
            "log_ratio": Column("float", "log of (examples a needs / examples b needs); ±inf: one failed"),
        },
    ),
    "comparisons": Schema(
        ("reading", "scope", "a", "b"),
        {
            **_READING,
            **_SCOPE,
            "a": Column("string", "an optimizer"),
            "b": Column("string", "another"),
            "p": Column("float", "two-sided sign-flip p-value"),
            "p_holm": Column("float", "after Holm, over pairs (pooled) or pairs × datasets"),
            "call": Column("string", "'a', 'b' (the better one), 'tied' or 'too few blocks'"),
            "estimate": Column("float", "Hodges-Lehmann difference a - b; for ratios of logs"),
            "low": Column("float", "lower end of its 95 % signed-rank interval"),
            "high": Column("float", "upper end"),
            "equivalent": Column(
                "bool", "as good as each other within `margin` (90 % interval; pooled 95 %)"
            ),
            "margin": Column("float", "the margin, fixed beforehand"),
            "a_better": Column("int", "blocks in which a is better"),
            "a_better_low": Column("float", "lower end of the Clopper-Pearson interval of that share"),
            "a_better_high": Column("float", "upper end"),
            "ties": Column("int", "blocks with an exact tie"),
            "a_failed": Column("int", "blocks in which only a failed"),
            "b_failed": Column("int", "blocks in which only b failed"),
            **_N,
        },
    ),
    "power": Schema(
        ("reading", "dataset"),
        {
            **_READING,
            **_DATASET,
            "first": Column("string", "the optimizer placed first on this dataset"),
            "second": Column("string", "the one placed second"),
            "difference": Column("float", "Hodges-Lehmann difference second - first; for ratios of logs"),
            "found": Column("float", "the smallest difference that these blocks find in 80 %; NaN: none"),
            "level": Column("float", "what the test must reach: Holm's first step over pairs × datasets"),
            "needed": Column("float", "blocks that would decide in 80 %, to a tenth; inf: more than 640"),
            **_N,
        },
    ),
    "calibration": Schema(
        ("question", "subject", "datasets", "network", "blocks", "reading", "level"),
        {
            "results_version": Column("int", "of the code that was calibrated"),
            "question": Column("string", "what was compared: copies of an optimizer, or it and a handicap"),
            "kind": Column("string", "'equal': every call is a false alarm; 'planted': a call is right"),
            "subject": Column("string", "the optimizer, in words"),
            "datasets": Column("string", "of a study, comma-separated"),
            "network": Column("string", "hidden layers, or 'rule'"),
            "blocks": Column("int", "of each dataset"),
            "draws": Column("int", "of a search"),
            "reading": Column("string", "'error', 'ratio', or 'usual': the usual design's t-test"),
            "level": Column("float", "of the test, or of Holm's family"),
            "studies": Column("int", "how many"),
            "found": Column(
                "int", "of them: called different; of a planted handicap: and the right way round"
            ),
            "against": Column("int", "called different the wrong way round"),
            "rate": Column("float", "found / studies"),
            "low": Column("float", "lower end of its 95 % Clopper-Pearson interval"),
            "high": Column("float", "upper end"),
            "goal": Column("float", "at most so many false alarms, at least so many found; NaN: none"),
            "status": Column("string", "'holds', 'missed', or empty without a goal"),
            "machine": Column("string", "libraries and kernels of the calibration"),
            "date": Column("string", "its day"),
        },
    ),
    "ranking": Schema(
        ("reading", "scope", "place"),
        {
            **_READING,
            **_SCOPE,
            "place": Column("int", "from 1, by mean rank within blocks"),
            **_OPTIMIZER,
            "mean_rank": Column("float", "mean rank within blocks, 1 is best"),
            "tied_for_best": Column("bool", "no other beats it in the calls of this scope"),
            **_N,
        },
    ),
    "forest": Schema(
        ("optimizer", "dataset"),
        {
            **_OPTIMIZER,
            **_DATASET,
            "reference": Column("string", "the optimizer with the lowest pooled rank sum"),
            **_ESTIMATE,
            **_N,
        },
    ),
    "best_of_k": Schema(
        ("dataset", "optimizer", "k"),
        {**_DATASET, **_OPTIMIZER, "k": Column("int", "draws searched"), **_ESTIMATE, **_N},
    ),
    "learning_rates": Schema(
        ("dataset", "optimizer", "lr_low"),
        {
            **_DATASET,
            **_OPTIMIZER,
            "lr_low": Column("float", "lower end of a bin of a quarter decade"),
            "lr_high": Column("float", "upper end"),
            "rows": Column("int", "draws in it"),
            "good": Column(
                "int", "draws whose best validation error is within the margin of their search's best"
            ),
            "diverged": Column("int", "draws that diverged"),
            "low": Column("float", "lower end of the Clopper-Pearson interval of the good share"),
            "high": Column("float", "upper end"),
            "safe": Column("bool", "inside the longest run of bins with at least half good"),
        },
    ),
    "batch_sizes": Schema(
        ("dataset", "uses", "batch_size"),
        {
            **_DATASET,
            "uses": Column("string", "the optimizer behind the arm"),
            "batch_size": Column("int", "rows of data in a mini-batch; the training rows for the full batch"),
            **_OPTIMIZER,
            **{
                f"{name}{end}": Column("float", f"{meaning}{words}")
                for name, meaning in (
                    ("steps", "median steps to the losses that all sizes reach"),
                    ("examples", "median examples to them"),
                    ("epochs_loss", "median lowest validation loss at equal epochs"),
                    ("steps_loss", "median lowest validation loss at equal steps"),
                )
                for end, words in (
                    ("", ""),
                    ("_low", ", lower end of its interval"),
                    ("_high", ", upper end"),
                )
            },
            "reached": Column("int", "blocks in which all sizes fell below the start"),
            **_N,
        },
    ),
    "batch_times": Schema(
        ("dataset", "uses", "batch_size"),
        {
            **_DATASET,
            "uses": Column("string", "the optimizer behind the arm"),
            "batch_size": Column("int", "rows of data in a mini-batch; the training rows for the full batch"),
            **_OPTIMIZER,
            "seconds": Column("float", "one training, median over stacks of their seconds / rows"),
            "epochs": Column("float", "epochs in the time that the quickest size takes in all"),
            "time_loss": Column("float", "median lowest validation loss by then"),
            "time_loss_low": Column("float", "lower end of its order-statistic interval"),
            "time_loss_high": Column("float", "upper end"),
            **_N,
        },
    ),
    "importances": Schema(
        ("dataset", "optimizer", "parameter"),
        {
            **_DATASET,
            **_OPTIMIZER,
            "parameter": Column("string", "a hyperparameter, under the name of trials"),
            "importance": Column("float", "PED-ANOVA's share; they sum to 1"),
            "rows": Column("int", "draws behind it"),
        },
    ),
    "tuning": Schema(
        ("dataset", "optimizer"),
        {
            **_DATASET,
            **_OPTIMIZER,
            "untuned": Column("float", "median test error of the defaults"),
            "searched": Column("float", "median expected test error of a search"),
            **_ESTIMATE,
            "untuned_failed": Column("int", "blocks in which the defaults diverged"),
            **_N,
        },
    ),
    "decay": Schema(
        ("scope", "optimizer"),
        {
            **_SCOPE,
            **_OPTIMIZER,
            "p": Column("float", "two-sided sign-flip p-value"),
            "p_holm": Column("float", "after Holm, over optimizers (pooled) or optimizers × datasets"),
            "call": Column("string", "'decay', 'none', 'tied' or 'too few blocks'"),
            **_ESTIMATE,
            **_N,
        },
    ),
    "picks": Schema(
        ("dataset",),
        {
            **_DATASET,
            **_OPTIMIZER,
            "tied_with": Column("string", "optimizers that it cannot be told apart from, comma-separated"),
            "batch_size": Column("int", "the most frequent among the winners"),
            "decay": Column("string", "'none' or 'exponential'"),
            "settings": Column("string", "the picked hyperparameters as JSON: medians on the log scale"),
            "quartiles": Column("string", "their quartiles among the winners at that size, as JSON"),
            "winners": Column("int", "winners at that batch size"),
            "searched": Column("float", "median over blocks of what a search reached"),
            "searched_low": Column("float", "lower end of its order-statistic interval"),
            "searched_high": Column("float", "upper end"),
            "searched_level": Column("float", "its level"),
            "confirmed": Column("float", "median test error of this one setting in fresh blocks"),
            "confirmed_low": Column("float", "lower end of its order-statistic interval"),
            "confirmed_high": Column("float", "upper end"),
            "confirmed_level": Column("float", "its level"),
            "confirmed_blocks": Column("int", "fresh blocks"),
            "confirmed_diverged": Column("int", "fresh blocks in which it diverged"),
            "examples": Column("int", "training examples of one training"),
            "steps": Column("int", "steps of one training"),
        },
    ),
    "confirmations": Schema(
        ("dataset", "block"),
        {
            **_BLOCK,
            **_OPTIMIZER,
            "status": Column("string", "'ok' or 'diverged'"),
            "test_error": Column("float", "test error of the pick in this fresh block"),
        },
    ),
    "baselines": Schema(
        ("dataset", "model"),
        {
            **_DATASET,
            "model": Column("string", "'majority class', 'mean', 'linear model'"),
            **_ESTIMATE,
            **_N,
        },
    ),
    "audit": Schema(
        ("check", "dataset", "optimizer", "what"),
        {
            "check": Column(
                "string", "'budget', 'edge', 'inclusion', 'divergence', 'confirmed' or 'test read'"
            ),
            **_DATASET,
            **_OPTIMIZER,
            "what": Column("string", "the hyperparameter or pair that is looked at, '' if none"),
            "value": Column("float", "what was found"),
            "limit": Column("float", "the limit fixed beforehand; NaN where the check only informs"),
            "status": Column("string", "'ok', 'look' or 'info'"),
            "detail": Column("string", "in words"),
        },
    ),
    "optimizers": Schema(
        ("position",),
        {
            "position": Column("int", "order in the study"),
            **_OPTIMIZER,
            "title": Column("string", "its class's name, and what is fixed about its search"),
            "uses": Column("string", "the optimizer behind it"),
            "summary": Column("string", "first line of its docstring: formula and source"),
            "defaults": Column("string", "its defaults as JSON"),
            "search": Column("string", "its search ranges as JSON, under the names of trials"),
            "fixed": Column("string", "hyperparameters that are not drawn, as JSON"),
            "decays": Column("string", "the kinds of decay among its draws, comma-separated"),
            "batch_sizes": Column("string", "those searched, '' for the dataset's, 0 for the full batch"),
            "sampler": Column("string", "where its draws come from"),
        },
    ),
    "datasets": Schema(
        ("position",),
        {
            "position": Column("int", "order in the study"),
            **_DATASET,
            "task": Column("string", "'classification' or 'regression'"),
            "unit": Column("string", "what an error of it is"),
            "rows": Column("int", "rows of data"),
            "features": Column("int", "columns"),
            "classes": Column("int", "classes, 0 for regression"),
            "training_rows": Column("int", "rows in a training split"),
            "test_rows": Column("int", "rows in a test split"),
            "epochs": Column("int", "the budget"),
            "batch_sizes": Column("string", "those searched, comma-separated"),
            "model": Column("string", "the network"),
            "parameters": Column("int", "its parameters"),
            "sha256": Column("string", "of the data"),
        },
    ),
    "timings": Schema(
        ("dataset", "block", "batch_size", "rows"),
        {
            **_BLOCK,
            "batch_size": Column("int", "rows of data in a mini-batch"),
            "rows": Column("int", "trainings in the stack"),
            "steps": Column("int", "steps of each"),
            "seconds": Column("float", "time in the worker"),
        },
    ),
}
