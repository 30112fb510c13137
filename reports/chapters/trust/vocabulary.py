"""What the page's words mean."""

from __future__ import annotations

from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, part
from studies.analysis.verdicts import LEVEL, MARGINS

WORDS = {
    "block": "one split into training, validation and test rows, with first weights and an order of "
    "mini-batches; all optimizers share it, so they are compared in pairs",
    "draw": "one training with hyperparameters drawn at random from the ranges of its optimizer",
    "search": "draws of one optimizer in one block; the one with the lowest validation loss is tested",
    "test error of a search": "what the best of so many draws, by validation, should reach on test rows",
    "difference": "one optimizer minus another, block by block; its estimate is Hodges and Lehmann's: the "
    "median of the means of any two blocks",
    "called": f"better or worse by an exact signed-rank test at {100 * LEVEL:g}{words.THIN}%, after Holm's "
    "correction for all that is compared",
    "margin": f"a difference too small to matter, fixed beforehand: {100 * MARGINS['classification']:g} "
    f"point of misclassified rows, {MARGINS['regression']:g} training standard deviations of RMSE",
    "as good": "the 90 % interval of the difference lies within the margin",
    "not decided": "neither called nor as good: more blocks may decide it",
    "unbeaten": "no other is called better",
    "tuned setting": "one setting for a dataset, chosen in fresh blocks among the winners of all searches",
    "fresh blocks": "blocks of which no search has seen a split; those that confirm a setting chose nothing",
    "examples needed": "training examples until a validation loss is reached, over the losses that all reach",
    "diverged": "the loss became infinite or no number; such a draw ranks last and is never left out",
}


@part("trust", 5)
def vocabulary(run: Run) -> Part:
    """The words of a comparison, folded: the answer leads to them."""
    rows = [[Cell(word), Cell(meaning)] for word, meaning in WORDS.items()]
    return Part(
        name="words",
        question="What do the words mean?",
        answer=f"{len(WORDS)} words are used as follows.",
        tables=[Table(["Word", "Meaning"], rows, "Words of this page", sortable=False)],
        folded=True,
    )
