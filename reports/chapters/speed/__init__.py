"""Who is there first."""
