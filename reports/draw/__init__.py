"""Figures: their style, their bytes, and drawing them side by side."""
