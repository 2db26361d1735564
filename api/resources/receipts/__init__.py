"""Receipts: sent, read, linked to purchases."""
