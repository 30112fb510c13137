"""Batch size: steps, time, and the best learning rate."""
