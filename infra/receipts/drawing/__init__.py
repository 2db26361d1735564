"""Receipts drawn by a seed, as shops print them and phones see them: for the demo,
the tests and the measure of quality."""
