"""HTTP in front of the log: takes events, waits for their decisions, shows what the views hold.

Writes nothing but events; every answer is a decision from the log or a row of a view.
"""
