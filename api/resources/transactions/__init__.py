"""Transactions: purchases with their whole life, listed, looked at, made in one step."""
