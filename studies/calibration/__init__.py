"""Equal things must not be called different: whole studies and resampled ones."""
