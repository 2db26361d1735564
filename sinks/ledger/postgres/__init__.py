"""The statements of the ledger."""

from sinks.ledger.postgres.batch import Batch, CarefulBatch, contradiction
from sinks.ledger.postgres.payments import STAGING, merchants_of

__all__ = ["STAGING", "Batch", "CarefulBatch", "contradiction", "merchants_of"]
