"""Learning from labels, off the path of decisions: what is kept, when it is fitted again, and how."""
