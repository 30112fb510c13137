"""The tables of a run folder: columns, units, keys. What reports may rely on."""

from __future__ import annotations

from studies.folder.schema.claims import CLAIM_TABLES, CLOCKED_TABLES
from studies.folder.schema.columns import (
    BLOCK,
    DATASET,
    ESTIMATE,
    LARGEST,
    OPTIMIZER,
    READING,
    ROW,
    SCOPE,
    STATUS,
    Column,
    N,
    Schema,
)
from studies.folder.schema.committed_tables import KNOWN
from studies.folder.schema.provenance import DESCRIBED

FORMAT = 6  # of the run folder; older ones are read only, or refused
TOGETHER, AGAINST, OTHERS = "all", "against", "others"  # families of pairs
VARYING = (
    "timings",
    "batch_times",
    "step_times",
    *CLOCKED_TABLES,
)  # tables that differ between two runs of one study
AS_GOOD, NOT_DECIDED, TOO_FEW = "as good", "not decided", "too few blocks"
OPEN_VERDICTS = (AS_GOOD, NOT_DECIDED, TOO_FEW)  # no side is better; too few blocks: none could be called
VERDICTS = ("a", "b", *OPEN_VERDICTS)
DECAY_VERDICTS = ("decay", "none", *OPEN_VERDICTS)
FOUND_VERDICTS = ("better", "worse", AS_GOOD, NOT_DECIDED)
PICK = "pick"
TRIVIAL = ("majority class", "mean")  # models that look at no feature
ORIGINS = ("median of winners", "defaults", "winner")
ORIGIN = Column("string", "where it comes from: 'median of winners', 'defaults' or 'winner'", ORIGINS)
MODEL = Column("string", "'majority class' or 'mean', 'linear model', 'gradient boosting'")

TABLES: dict[str, Schema] = {
    "rows": Schema(
        ("dataset", "block", "optimizer", "kind", "draw"),
        {
            **ROW,
            "batch_size": Column("int", "rows of data in a mini-batch", least=1),
            "decay": Column("string", "'none' or the schedule's name"),
            "settings": Column("string", "all hyperparameters as JSON", json=True),
            "lr": Column("float", "learning rate", least=0),
            "status": Column("string", "'ok' or 'diverged'", STATUS),
            "diverged_step": Column("int", "the step of divergence, 0 if none"),
            "best_validation_loss": Column(
                "float", "at the best checkpoint; inf if diverged", least=0, most=LARGEST
            ),
            "best_validation_error": Column("float", "at that checkpoint", least=0, most=LARGEST),
            "best_examples": Column("int", "training examples seen by then"),
            "best_step": Column("int", "steps taken by then"),
            "test_loss": Column(
                "float", "read once, at the end, with the best checkpoint's parameters", least=0, most=LARGEST
            ),
            "test_error": Column(
                "float",
                "likewise: share misclassified, or RMSE in training deviations",
                least=0,
                most=LARGEST,
            ),
            **{
                f"{name}_{what}": Column(
                    "float", f"{meaning} after {words} of the epochs", least=0, most=LARGEST
                )
                for what, meaning in (
                    ("validation_loss", "the best validation loss; inf if diverged by then,"),
                    ("test_error", "the test error of the best parameters so far"),
                )
                for name, words in (("quarter", "a quarter"), ("half", "half"))
            },
        },
    ),
    "curves": Schema(
        ("dataset", "block", "optimizer", "kind", "draw", "examples"),
        {
            **ROW,
            "examples": Column("int", "training examples seen"),
            "step": Column("int", "steps taken"),
            "validation_loss": Column(
                "float", "on the validation rows; inf after divergence", least=0, most=LARGEST
            ),
            "validation_error": Column("float", "likewise", least=0, most=LARGEST),
            "training_loss": Column(
                "float", "mean mini-batch loss since the last record; NaN at the start", least=0, most=LARGEST
            ),
        },
    ),
    "envelopes": Schema(
        ("dataset", "block", "optimizer", "examples"),
        {
            **BLOCK,
            **OPTIMIZER,
            "examples": Column("int", "training examples seen"),
            "loss": Column("float", "lowest validation loss so far over the search's draws"),
        },
    ),
    "readings": Schema(
        ("dataset", "block", "optimizer"),
        {
            **BLOCK,
            **OPTIMIZER,
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
            **BLOCK,
            "a": Column("string", "an optimizer"),
            "b": Column("string", "another"),
            "log_ratio": Column("float", "log of (examples a needs / examples b needs); ±inf: one failed"),
        },
    ),
    "comparisons": Schema(
        ("reading", "scope", "a", "b"),
        {
            **READING,
            **SCOPE,
            "a": Column("string", "an optimizer"),
            "b": Column("string", "another"),
            "family": Column(
                "string",
                "pairs tested together: 'all', or 'against' (one of a few against each of the others) "
                "and 'others'",
                (TOGETHER, AGAINST, OTHERS),
            ),
            "p": Column("float", "two-sided sign-flip p-value", least=0, most=1),
            "p_holm": Column(
                "float",
                "after Holm, over the family's pairs (pooled) or pairs × datasets",
                least=0,
                most=1,
            ),
            "verdict": Column(
                "string",
                "'a' or 'b' (called better), else 'as good', 'not decided', 'too few blocks'",
                VERDICTS,
            ),
            "again": Column(
                "float",
                "share of repetitions expected to reach Holm's first step the same way; NaN: no call",
                least=0,
                most=1,
            ),
            "estimate": Column(
                "float",
                "Hodges-Lehmann difference a - b; for ratios of logs; pooled over classes and regressions: "
                "in margins",
            ),
            "low": Column("float", "lower end of its 95 % signed-rank interval"),
            "high": Column("float", "upper end"),
            "equivalent": Column(
                "bool", "as good as each other within `margin` (90 % interval; pooled 95 %)"
            ),
            "margin": Column("float", "the margin, fixed beforehand; NaN: none is"),
            "a_better": Column("int", "blocks in which a is better"),
            "a_better_low": Column(
                "float", "lower end of the Clopper-Pearson interval of that share", least=0, most=1
            ),
            "a_better_high": Column("float", "upper end", least=0, most=1),
            "ties": Column("int", "blocks with an exact tie"),
            "a_failed": Column("int", "blocks in which only a failed"),
            "b_failed": Column("int", "blocks in which only b failed"),
            **N,
        },
    ),
    "power": Schema(
        ("reading", "dataset"),
        {
            **READING,
            **DATASET,
            "first": Column("string", "the optimizer placed first on this dataset"),
            "second": Column("string", "the one placed second"),
            "difference": Column("float", "Hodges-Lehmann difference second - first; for ratios of logs"),
            "found": Column("float", "the smallest difference that these blocks find in 80 %; NaN: none"),
            "level": Column("float", "what the test must reach: Holm's first step over pairs × datasets"),
            "needed": Column("float", "blocks that would decide in 80 %, to a tenth; inf: more than 640"),
            **N,
        },
    ),
    "literature": Schema(
        ("position", "line"),
        {
            "position": Column("int", "of the question"),
            "source": Column("string", "who found it, and when"),
            "claim": Column("string", "what they found"),
            "rule": Column("string", "when it holds here"),
            "differs": Column("string", "how their setting differs"),
            "answer": Column("string", "of the question, a function of its lines"),
            "decides": Column("bool", "is it the line that decides the answer?"),
            "line": Column("int", "of the comparison within its question"),
            "what": Column("string", "what is compared; negative: the first is better"),
            "unit": Column("string", "of the estimate"),
            "estimate": Column("float", "Hodges-Lehmann, pooled; of ratios: the logarithm"),
            "low": Column("float", "lower end of its 95 % interval"),
            "high": Column("float", "upper end"),
            "p_holm": Column("float", "sign-flip, Holm within the question", least=0, most=1),
            "verdict": Column(
                "string", "'better', 'worse' (the first), 'as good' or 'not decided'", FOUND_VERDICTS
            ),
            "failed": Column("int", "dataset-blocks in which one side failed"),
            **N,
        },
    ),
    "ranking": Schema(
        ("reading", "scope", "place"),
        {
            **READING,
            **SCOPE,
            "place": Column("int", "from 1, by mean rank within blocks"),
            **OPTIMIZER,
            "mean_rank": Column("float", "mean rank within blocks, 1 is best"),
            "unbeaten": Column("bool", "no other beats it in the calls of this scope"),
            "stable": Column(
                "float",
                "pooled: the share of drawings of the blocks in which no other beats it; else NaN",
                least=0,
                most=1,
            ),
            **N,
        },
    ),
    "budgets": Schema(
        ("kind", "amount", "place"),
        {
            "kind": Column("string", "'epochs': a part of them; 'draws': of a search", ("epochs", "draws")),
            "amount": Column("float", "the share of the epochs, or how many draws", least=0),
            "place": Column("int", "from 1, by mean rank within blocks, over all datasets together"),
            **OPTIMIZER,
            "mean_rank": Column("float", "mean rank within blocks, 1 is best"),
            "unbeaten": Column("bool", "no other is called better with this budget"),
            "called": Column("int", "pairs of which one is called better with this budget"),
            **N,
        },
    ),
    "forest": Schema(
        ("optimizer", "dataset"),
        {
            **OPTIMIZER,
            **DATASET,
            "reference": Column("string", "the optimizer with the lowest pooled rank sum"),
            **ESTIMATE,
            **N,
        },
    ),
    "best_of_k": Schema(
        ("dataset", "optimizer", "k"),
        {**DATASET, **OPTIMIZER, "k": Column("int", "draws searched"), **ESTIMATE, **N},
    ),
    "learning_rates": Schema(
        ("dataset", "optimizer", "lr_low"),
        {
            **DATASET,
            **OPTIMIZER,
            "lr_low": Column("float", "lower end of a bin of a quarter decade"),
            "lr_high": Column("float", "upper end"),
            "rows": Column("int", "draws in it"),
            "good": Column(
                "int",
                "draws whose best validation error is within the margin, or one row of data, of their "
                "search's",
            ),
            "diverged": Column("int", "draws that diverged"),
            "low": Column("float", "lower end of the Clopper-Pearson interval of the good share"),
            "high": Column("float", "upper end"),
            "band": Column("bool", "inside the longest run of bins with at least half good"),
        },
    ),
    "batch_sizes": Schema(
        ("dataset", "uses", "batch_size", "optimizer"),
        {
            **DATASET,
            "uses": Column("string", "the optimizer behind the arm"),
            "batch_size": Column(
                "int", "rows of data in a mini-batch; the training rows for the full batch", least=1
            ),
            **OPTIMIZER,
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
            **N,
        },
    ),
    "batch_times": Schema(
        ("dataset", "uses", "batch_size", "optimizer"),
        {
            **DATASET,
            "uses": Column("string", "the optimizer behind the arm"),
            "batch_size": Column(
                "int", "rows of data in a mini-batch; the training rows for the full batch", least=1
            ),
            **OPTIMIZER,
            "seconds": Column("float", "one training, median over stacks of their seconds / rows"),
            "epochs": Column("float", "epochs in the time that the quickest size takes in all"),
            "time_loss": Column("float", "median lowest validation loss by then"),
            "time_loss_low": Column("float", "lower end of its order-statistic interval"),
            "time_loss_high": Column("float", "upper end"),
            **N,
        },
    ),
    "step_times": Schema(
        ("dataset", "optimizer"),
        {
            **DATASET,
            **OPTIMIZER,
            "batch_size": Column("int", "rows of data in a mini-batch: the arm's smallest", least=1),
            "microseconds": Column("float", "one trial's step; NaN: too short to be told", least=0),
            "per_thousand": Column("float", "microseconds of a thousand examples", least=0),
        },
    ),
    "importances": Schema(
        ("dataset", "optimizer", "parameter"),
        {
            **DATASET,
            **OPTIMIZER,
            "parameter": Column("string", "a hyperparameter, under the name of trials"),
            "importance": Column("float", "PED-ANOVA's share; they sum to 1"),
            "error": Column("float", "its standard error: each fifth of the blocks left out once"),
            "rows": Column("int", "draws behind it"),
        },
    ),
    "tuning": Schema(
        ("dataset", "optimizer"),
        {
            **DATASET,
            **OPTIMIZER,
            "untuned": Column("float", "median test error of the defaults"),
            "searched": Column("float", "median expected test error of a search"),
            "searched_low": Column("float", "lower end of its order-statistic interval"),
            "searched_high": Column("float", "upper end"),
            "searched_level": Column("float", "its level"),
            **ESTIMATE,
            "untuned_failed": Column("int", "blocks in which the defaults diverged"),
            **N,
        },
    ),
    "best_rates": Schema(
        ("dataset", "optimizer", "batch_size"),
        {
            **DATASET,
            **OPTIMIZER,
            "batch_size": Column("int", "rows of data in a mini-batch", least=1),
            "lr": Column("float", "of a block's best draw at that size, the median over blocks"),
            "low": Column("float", "lower end of its order-statistic interval"),
            "high": Column("float", "upper end"),
            "level": Column("float", "the interval's level"),
            **N,
        },
    ),
    "size_effects": Schema(
        ("dataset", "batch_size"),
        {
            **DATASET,
            "batch_size": Column("int", "rows of data in a mini-batch", least=1),
            "smallest": Column("int", "the smallest size of that dataset, against which it stands", least=1),
            "p": Column("float", "two-sided sign-flip p-value", least=0, most=1),
            "p_holm": Column("float", "after Holm, over sizes × datasets", least=0, most=1),
            "verdict": Column(
                "string",
                "'better' or 'worse' than the smallest, else 'as good', 'not decided', 'too few blocks'",
                ("better", "worse", *OPEN_VERDICTS),
            ),
            **ESTIMATE,
            "rate": Column("float", "log of (best learning rate ÷ that of the smallest size), the estimate"),
            "rate_low": Column("float", "lower end of its interval"),
            "rate_high": Column("float", "upper end"),
            "margin": Column("float", "the margin of errors, fixed beforehand; NaN: none is"),
            **N,
        },
    ),
    "decay": Schema(
        ("scope", "optimizer"),
        {
            **SCOPE,
            **OPTIMIZER,
            "p": Column("float", "two-sided sign-flip p-value", least=0, most=1),
            "p_holm": Column(
                "float", "after Holm, over optimizers (pooled) or optimizers × datasets", least=0, most=1
            ),
            "verdict": Column(
                "string",
                "'decay' or 'none' (called better), else 'as good', 'not decided', 'too few blocks'",
                DECAY_VERDICTS,
            ),
            **ESTIMATE,
            "margin": Column("float", "the margin; pooled over several: 1, and the estimate is in margins"),
            **N,
        },
    ),
    "picks": Schema(
        ("dataset",),
        {
            **DATASET,
            **OPTIMIZER,
            "as_good": Column("string", "optimizers that are as good as it there, comma-separated"),
            "not_decided": Column("string", "optimizers against which it is not decided there, likewise"),
            "what": ORIGIN,
            "batch_size": Column("int", "rows of data in a mini-batch", least=1),
            "decay": Column("string", "'none' or the schedule's name"),
            "settings": Column("string", "the picked hyperparameters as JSON", json=True),
            "quartiles": Column(
                "string",
                "quartiles of its optimizer's winners at their most frequent batch size, as JSON",
                json=True,
            ),
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
            "recommended": Column("string", "'pick', or what is called better than it in these blocks"),
            "examples": Column("int", "training examples of one training"),
            "steps": Column("int", "steps of one training"),
        },
    ),
    "candidates": Schema(
        ("dataset", "position"),
        {
            **DATASET,
            "position": Column("int", "of the candidate"),
            **OPTIMIZER,
            "draw": Column("int", "under which number of its optimizer its rows are recorded"),
            "what": ORIGIN,
            "batch_size": Column("int", "rows of data in a mini-batch", least=1),
            "decay": Column("string", "'none' or the schedule's name"),
            "settings": Column("string", "its hyperparameters as JSON", json=True),
            "mean": Column("float", "mean test error in the choosing blocks; inf if it is in one"),
            "behind": Column("float", "mean paired difference to the lowest mean"),
            "error": Column("float", "standard error of that difference; NaN: not finite"),
            "chosen": Column("bool", "it is the pick"),
            **N,
        },
    ),
    "choices": Schema(
        ("dataset", "position", "block"),
        {
            **DATASET,
            "position": Column("int", "of the candidate"),
            "block": Column("int", "the fresh block's number, from 2,000,000"),
            "status": Column("string", "'ok' or 'diverged'", STATUS),
            "test_error": Column("float", "the candidate's test error in it", least=0, most=LARGEST),
        },
    ),
    "confirmations": Schema(
        ("dataset", "what", "block"),
        {
            **DATASET,
            "what": Column("string", "'pick', or 'defaults' of its optimizer", (PICK, "defaults")),
            "block": Column("int", "the fresh block's number, from 1,000,000"),
            **OPTIMIZER,
            "draw": Column("int", "under which number its row is recorded"),
            "status": Column("string", "'ok' or 'diverged'", STATUS),
            "test_error": Column("float", "its test error in this fresh block", least=0, most=LARGEST),
        },
    ),
    "baselines": Schema(
        ("dataset", "model", "block"),
        {
            **DATASET,
            "model": MODEL,
            "block": Column("int", "the fresh block's number, from 1,000,000"),
            "test_error": Column("float", "its test error in this fresh block", least=0, most=LARGEST),
        },
    ),
    "alternatives": Schema(
        ("dataset", "model"),
        {
            **DATASET,
            "model": Column("string", "'pick', 'defaults' of its optimizer, or a baseline"),
            **ESTIMATE,
            "mean": Column("float", "mean test error in the fresh blocks, of which estimate is the median"),
            "gap": Column("float", "Hodges-Lehmann difference pick - model; NaN for the pick"),
            "gap_low": Column("float", "lower end of its 95 % signed-rank interval"),
            "gap_high": Column("float", "upper end"),
            "p": Column("float", "two-sided sign-flip p-value", least=0, most=1),
            "p_holm": Column("float", "after Holm, over the models of the dataset", least=0, most=1),
            "verdict": Column(
                "string",
                "'pick' or 'model' (called better), else 'as good', 'not decided', 'too few blocks'",
                ("", PICK, "model", *OPEN_VERDICTS),
            ),
            "margin": Column("float", "the margin, fixed beforehand; NaN: none is"),
            "recommended": Column("bool", "the pick, unless something here is called better than it"),
            **N,
        },
    ),
    "audit": Schema(
        ("check", "dataset", "optimizer", "what"),
        {
            "check": Column(
                "string", "'budget', 'edge', 'inclusion', 'divergence', 'confirmed' or 'test read'"
            ),
            **DATASET,
            **OPTIMIZER,
            "what": Column("string", "the hyperparameter or pair that is looked at, '' if none"),
            "value": Column("float", "what was found"),
            "limit": Column("float", "the limit fixed beforehand; NaN where the check only informs"),
            "status": Column("string", "'ok', 'look' or 'info'", ("ok", "look", "info")),
            "detail": Column("string", "in words"),
        },
    ),
    **DESCRIBED,
    **CLAIM_TABLES,
    **KNOWN,
}
