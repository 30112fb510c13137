"""The chapter's claims about mini-batches."""
