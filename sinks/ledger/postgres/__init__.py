"""The statements of the ledger."""

from sinks.ledger.postgres.batch import Batch, CarefulBatch, contradiction
from sinks.ledger.postgres.payments import STAGING

__all__ = ["STAGING", "Batch", "CarefulBatch", "contradiction"]
