"""Pure functions: decisions in, rows out. No clock, no I/O."""
