"""The learner: what labels teach, and what it publishes."""
