"""From recorded rows to every number that a sentence may use."""
