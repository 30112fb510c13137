"""What should be looked at before a result is believed: leaks, copies, rows of one owner, odd spellings, totals."""
