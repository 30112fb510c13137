"""The run folder: what is in it, how it is written, and the one door at which it is read."""
