"""Colour, marker and dash belong to the optimizer: one look each, on every page, whoever else runs."""

from __future__ import annotations

from collections.abc import Iterable

from reports.data.arms import column
from reports.data.run import Run
from reports.draw.style import LIGHT
from reports.parts import Key, Look

# A place in this list is a look for good: a further optimizer goes to its end.
FIXED = ("sgd", "momentum", "heavyball", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
COLOURS = tuple(LIGHT[name] for name in FIXED)
NEWCOMER = LIGHT["newcomer"]
MARKERS = "osD^vPX<"
OWN_MARKERS = "*hpd"  # of newcomers
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.4, 1.2)),
    (0, (7, 1.6, 1.4, 1.6)),
    (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (9, 2)),
    (0, (2.5, 2.5)),
    (0, (5, 1, 1, 1)),
)
PLAIN = ("ink", "accent", "bad", "good", "warn", "muted")  # of series that are no optimizer's


def numbered(i: int) -> Look:
    """The look at a place of the list: of the first 64 no two share marker and dash."""
    row, n = divmod(i, len(COLOURS))
    return Look(COLOURS[n], MARKERS[(n + row) % len(MARKERS)], DASHES[(n + 2 * row) % len(DASHES)])


def newcomer(i: int) -> Look:
    """The look of a run's i-th optimizer that is not in the list: in a colour that no other has."""
    row, n = divmod(i, len(OWN_MARKERS))
    return Look(NEWCOMER, OWN_MARKERS[n], DASHES[(n + row) % len(DASHES)])


def of_optimizers(names: Iterable[str], newcomers: Iterable[str] = ()) -> dict[str, Look]:
    """The look of each optimizer. newcomers: those among them that are not the suite's own."""
    found, own = dict[str, Look](), set(newcomers)
    strange, others = 0, len(FIXED)
    for name in names:
        if name in FIXED and name not in own:
            found[name] = numbered(FIXED.index(name))
        elif name not in own:  # of the zoo, which has more than there are colours
            found[name] = numbered(others)
            others += 1
        else:
            found[name] = newcomer(strange)
            strange += 1
    return found


def of_arms(run: Run) -> dict[str, Look]:
    """The look of each arm: its optimizer's; further arms of the same one have its colour alone."""
    frame = run["optimizers"].sort_values("position")
    arms = dict(zip(map(str, frame.optimizer), map(str, frame.uses), strict=True))
    known = of_optimizers(dict.fromkeys(arms.values()), (arms[name] for name in run.newcomers))
    found, taken = dict[str, Look](), dict[str, int]()
    for arm, uses in arms.items():
        look, n = known[uses], taken.get(uses, 0)
        taken[uses] = n + 1
        if n:
            look = Look(look.colour, *_turned(look, n))
        found[arm] = look
    return found


def of_families(run: Run) -> dict[str, Look]:
    """The look of each optimizer behind the arms, by its name."""
    frame = run["optimizers"].sort_values("position")
    uses = dict(zip(map(str, frame.optimizer), map(str, frame.uses), strict=True))
    return of_optimizers(dict.fromkeys(uses.values()), (uses[name] for name in run.newcomers))


def _turned(look: Look, n: int) -> tuple[str, str | tuple[int, tuple[float, ...]]]:
    every = MARKERS if look.marker in MARKERS else OWN_MARKERS + MARKERS
    row, step = divmod(n, len(every))
    marker = every[(every.index(look.marker) + step) % len(every)]
    return marker, DASHES[(DASHES.index(look.dash) + step + row) % len(DASHES)]


def plain(i: int) -> Look:
    """The look of a series that is no optimizer's: in none of their colours."""
    row, n = divmod(i, len(PLAIN))
    return Look(LIGHT[PLAIN[n]], MARKERS[(n + row) % len(MARKERS)], DASHES[(n + 2 * row) % len(DASHES)])


def behind(run: Run) -> dict[str, str]:
    """The optimizer behind each arm."""
    return column(run, "uses")


def legend(run: Run, arms: Iterable[str], line: bool = True) -> list[Key]:
    """A legend of arms."""
    known, uses = of_arms(run), behind(run)
    return [Key(run.title(arm), known[arm], uses[arm], line) for arm in arms]
