"""One policy for all departments of a company, in one act."""
