"""A table of the user's: its target, how its rows are split, and the table itself with its blocks."""
