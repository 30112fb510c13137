"""From a question to recorded rows: draws, stacks, worker processes."""
