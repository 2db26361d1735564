"""Payments: ask for one, look one up."""
