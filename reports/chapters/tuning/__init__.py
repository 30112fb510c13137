"""What tuning is worth."""
