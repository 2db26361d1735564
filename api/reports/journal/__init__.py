"""The journal as files that other programs read: beancount, hledger, double-entry CSV, OFX."""
