"""The chapter's claims about local optima and saddle points."""
