"""And with less, or more? Who ends best after a part of the epochs, or after fewer or more draws."""

from __future__ import annotations

from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, blocks_basis, part

SHARES = {0.25: "a quarter of the epochs", 0.5: "half of the epochs", 1.0: "all epochs"}


@part("ends", 2)
def other_budgets(run: Run) -> Part | None:
    """Whom nothing beats at the end, by budget."""
    frame = run["budgets"]
    if len(run.optimizers) < 2 or frame.empty or run.too_few("error"):
        return None
    groups = {
        (kind, amount): here.sort_values("place")
        for (kind, amount), here in frame.groupby(["kind", "amount"], sort=False)
    }
    rows, sets = [], {}
    for i, ((kind, amount), here) in enumerate(groups.items()):
        what = SHARES[amount] if kind == "epochs" else words.plural(int(amount), "draw")
        best = [str(name) for name in here.optimizer[here.unbeaten]]
        sets[what] = frozenset(best)
        called = int(here.called.iloc[0])
        rows.append([Cell(what, i), Cell(words.join(run.titles(best)), len(best)), Cell(str(called), called)])
    always = frozenset.intersection(*sets.values())
    names = words.join(run.titles(name for name in run.order("error") if name in always))
    many = len(set(sets.values()))
    return Part(
        name="other-budgets",
        question="And with less, or more?",
        answer=(
            f"Nothing beats {names} with any of {words.plural(len(sets), 'budget')}"
            if always
            else f"Nobody is unbeaten with every one of {words.plural(len(sets), 'budget')}"
        )
        + ("; who else is unbeaten differs between them." if many > 1 else "; all others are beaten."),
        how=(
            f"By epochs: every search is read as it stood then, {run.search}, each draw's best parameters by "
            "then. By draws: after all epochs, the expected test error of the best of so many. Each budget "
            "is tested as the whole is: exact p-values over all datasets together, Holm over its pairs."
        ),
        basis=blocks_basis(run),
        tables=[Table(["Budget", "Nothing beats", "Pairs called"], rows, "Who ends best, by budget")],
        tables_first=True,
        data=frame,
        csv=("budgets",),
    )
