"""A year of a city's card purchases, imported, booked, and handed on to other programs' books."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from api.access.keys import Scope, create_key
from api.reports.journal.chart import part_of
from infra.demo.checks import Checks
from infra.demo.export import Export, play_export
from infra.imports.mapping import read_mapping
from infra.imports.reading import read_export
from infra.running.system import RunningSystem, running_system
from infra.stack_settings import load_settings
from tests.api.test_journal_exports import READERS, Sums, by_second_part
from tests.demo.test_demo import REAL_DATA, SHIPPED
from tests.infra.support import spendlog


def booked(system: RunningSystem, organization: str) -> Sums:
    """By department, and what is owed for cards, straight from the table."""
    found: Sums = defaultdict(Decimal)
    with psycopg.connect(system.endpoints.postgres) as connection:
        for owner, kind, currency, minor in connection.execute(
            "SELECT split_part(account, ':', 2), split_part(account, ':', 3), currency, sum(amount)::bigint"
            " FROM entry WHERE organization_id = %s AND layer = 'posted' GROUP BY 1, 2, 3",
            [organization],
        ):
            name = part_of(owner.partition("/")[2]) if "/" in owner else kind.capitalize()
            found[name, currency] += Decimal(minor).scaleb(-2)
    return {key: total for key, total in found.items() if total}


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.skipif(not REAL_DATA.exists(), reason=f"{REAL_DATA.name} is not beside the repository")
def test_a_city_s_year_is_accepted_by_bean_check_and_hledger_with_the_ledger_s_sums(tmp_path: Path) -> None:
    console, checks = Console(quiet=True), Checks()
    with running_system(load_settings(), tmp_path / "data", keep=False, port=None, console=console) as system:
        mapping = read_mapping(SHIPPED)
        play_export(Export(REAL_DATA, mapping), system, console, checks)
        assert not checks.failed
        (organization,) = {row.organization for row in read_export(REAL_DATA, mapping, None).rows}
        sums = booked(system, organization)
        assert len(sums) > 10
        secret, _ = create_key(
            system.endpoints.postgres, organization_id=organization, name="books", scopes=[Scope.LEDGER_READ]
        )
        env = system.environment() | {"SPENDLOG_API_KEY": secret}
        for format, read in READERS.items():
            out = tmp_path / format
            done = spendlog("export", "journal", out, "--format", format, env=env)
            assert done.returncode == 0, done.stderr
            assert by_second_part(read(out.read_text(encoding="utf-8"))) == sums
