"""Studies: searches, the fair protocol, comparison, run folders and the command line."""

from studies.protocol import Study
from studies.runner import Run, run

__all__ = ["Run", "Study", "run"]
