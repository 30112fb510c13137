"""Studies: searches, the fair protocol, comparison, run folders and the command line."""

from pathlib import Path

import datasets

if Path(datasets.__file__ or "").parent.parent != Path(__file__).parent.parent:
    raise ImportError(
        f"Another package named datasets was imported first ({datasets.__file__}). "
        "Start Python in the checkout of dlopt and import studies before it, or uninstall that package."
    )

from studies.arms import Arm
from studies.protocol import Study
from studies.runner import Run, run

__all__ = ["Arm", "Run", "Study", "run"]
