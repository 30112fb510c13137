"""What each column of a table is: numbers, dates, categories, codes as they are written, and their features."""
