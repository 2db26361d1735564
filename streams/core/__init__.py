"""The rules. No clock, no randomness, no I/O, no float money: state and event in, decision out."""
