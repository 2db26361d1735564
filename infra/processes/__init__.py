"""Processes: children that end with their parent, and references that never mean another one."""
