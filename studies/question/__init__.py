"""What is asked: a study, its arms, its budget, the user's own optimizers and tables."""
