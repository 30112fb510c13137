"""A run folder as the page reads it."""
