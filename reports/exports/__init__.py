"""Exports: what stands beside a page, to be read by programs, papers and people without a browser."""
