"""The chapter's claims about RMSprop."""
