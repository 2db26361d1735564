"""The laws of the house, and that each is found when it is broken."""
