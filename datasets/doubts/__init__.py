"""What to look at before a result is believed: leaks, copies, rows of one owner, spellings, totals."""
