"""Errors that a person can act on: the command line prints them as one message, without a traceback."""


class SpendlogError(Exception):
    """Something outside the program must change first; the message says what and how."""
