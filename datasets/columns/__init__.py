"""What each column of a table is: numbers, dates, categories and codes, and the features they give."""
