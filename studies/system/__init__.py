"""What a run stands on: files, the machine, signals, standard streams."""
