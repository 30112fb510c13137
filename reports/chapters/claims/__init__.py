"""The course chapter's claims."""
