"""Proof of the books against the log, by a program that shares no code with the system but `schemas`."""

from infra.verify.report import Oracle, Report
from infra.verify.run import verify

__all__ = ["Oracle", "Report", "verify"]
