"""The course chapter, claim by claim: what is measured, and a verdict that follows from it alone."""
