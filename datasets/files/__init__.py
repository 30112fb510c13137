"""Files as frames: which are tables, how they are packed, encoded and laid out, their columns' names."""
