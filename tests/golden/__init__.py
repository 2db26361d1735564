"""Logs as they were once written, and the states to which they fold for ever."""
