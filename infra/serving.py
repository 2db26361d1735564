"""`python -m infra.serving [--host HOST] [--port PORT]`: the API, and beside it who knows the rules."""

from __future__ import annotations

from api.__main__ import main
from api.asking.beside import Beside
from infra.reconciliation.reader import SettlementProcesses
from infra.trials import TrialProcesses

if __name__ == "__main__":
    main(Beside(TrialProcesses(), SettlementProcesses()))
