"""The processor's settlement files against the ledger: read, match, what is open, what closes a period."""
