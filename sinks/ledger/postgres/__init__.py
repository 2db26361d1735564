"""The statements of the ledger."""

from sinks.ledger.postgres.batch import CarefulBatch, LedgerBatch, contradiction
from sinks.ledger.postgres.payments import STAGING, merchants_of

__all__ = ["STAGING", "CarefulBatch", "LedgerBatch", "contradiction", "merchants_of"]
