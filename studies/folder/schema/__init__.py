"""The tables of a run folder and their columns: what is written, and all that a reader may rely on."""
