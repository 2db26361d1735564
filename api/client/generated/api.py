"""All nouns of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from typing import Generic

from api.client.generated.audit import AuditResource
from api.client.generated.authorizations import AuthorizationsResource
from api.client.generated.budgets import BudgetsResource
from api.client.generated.cards import CardsResource
from api.client.generated.cases import CasesResource
from api.client.generated.chart_of_accounts import ChartOfAccountsResource
from api.client.generated.closed_periods import ClosedPeriodsResource
from api.client.generated.company import CompanyResource
from api.client.generated.delegations import DelegationsResource
from api.client.generated.disputes import DisputesResource
from api.client.generated.domains import DomainsResource
from api.client.generated.events import EventsResource
from api.client.generated.identity_providers import IdentityProvidersResource
from api.client.generated.increase_requests import IncreaseRequestsResource
from api.client.generated.keys import KeysResource
from api.client.generated.ledger import LedgerResource
from api.client.generated.missing_receipts import MissingReceiptsResource
from api.client.generated.people import PeopleResource
from api.client.generated.policies import PoliciesResource
from api.client.generated.questions import QuestionsResource
from api.client.generated.receipt_policies import ReceiptPoliciesResource
from api.client.generated.receipts import ReceiptsResource
from api.client.generated.reconciliations import ReconciliationsResource
from api.client.generated.refunds import RefundsResource
from api.client.generated.report_files import ReportFilesResource
from api.client.generated.report_schedules import ReportSchedulesResource
from api.client.generated.reports import ReportsResource
from api.client.generated.requests import RequestsResource
from api.client.generated.service import ServiceResource
from api.client.generated.sign_on_policy import SignOnPolicyResource
from api.client.generated.simulations import SimulationsResource
from api.client.generated.transactions import TransactionsResource
from api.client.generated.verifications import VerificationsResource
from api.client.generated.webhooks import WebhooksResource
from api.client.operations import S


class Api(Generic[S]):
    """What a client offers, by nouns."""

    def __init__(self, sender: S) -> None:
        self.audit: AuditResource[S] = AuditResource(sender)
        self.authorizations: AuthorizationsResource[S] = AuthorizationsResource(sender)
        self.budgets: BudgetsResource[S] = BudgetsResource(sender)
        self.cards: CardsResource[S] = CardsResource(sender)
        self.cases: CasesResource[S] = CasesResource(sender)
        self.chart_of_accounts: ChartOfAccountsResource[S] = ChartOfAccountsResource(sender)
        self.closed_periods: ClosedPeriodsResource[S] = ClosedPeriodsResource(sender)
        self.company: CompanyResource[S] = CompanyResource(sender)
        self.delegations: DelegationsResource[S] = DelegationsResource(sender)
        self.disputes: DisputesResource[S] = DisputesResource(sender)
        self.domains: DomainsResource[S] = DomainsResource(sender)
        self.events: EventsResource[S] = EventsResource(sender)
        self.identity_providers: IdentityProvidersResource[S] = IdentityProvidersResource(sender)
        self.increase_requests: IncreaseRequestsResource[S] = IncreaseRequestsResource(sender)
        self.keys: KeysResource[S] = KeysResource(sender)
        self.ledger: LedgerResource[S] = LedgerResource(sender)
        self.missing_receipts: MissingReceiptsResource[S] = MissingReceiptsResource(sender)
        self.people: PeopleResource[S] = PeopleResource(sender)
        self.policies: PoliciesResource[S] = PoliciesResource(sender)
        self.questions: QuestionsResource[S] = QuestionsResource(sender)
        self.receipt_policies: ReceiptPoliciesResource[S] = ReceiptPoliciesResource(sender)
        self.receipts: ReceiptsResource[S] = ReceiptsResource(sender)
        self.reconciliations: ReconciliationsResource[S] = ReconciliationsResource(sender)
        self.refunds: RefundsResource[S] = RefundsResource(sender)
        self.report_files: ReportFilesResource[S] = ReportFilesResource(sender)
        self.report_schedules: ReportSchedulesResource[S] = ReportSchedulesResource(sender)
        self.reports: ReportsResource[S] = ReportsResource(sender)
        self.requests: RequestsResource[S] = RequestsResource(sender)
        self.service: ServiceResource[S] = ServiceResource(sender)
        self.sign_on_policy: SignOnPolicyResource[S] = SignOnPolicyResource(sender)
        self.simulations: SimulationsResource[S] = SimulationsResource(sender)
        self.transactions: TransactionsResource[S] = TransactionsResource(sender)
        self.verifications: VerificationsResource[S] = VerificationsResource(sender)
        self.webhooks: WebhooksResource[S] = WebhooksResource(sender)
