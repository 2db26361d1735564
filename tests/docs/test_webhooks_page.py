"""The page of webhooks has every type there is."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from schemas.webhooks import TYPES

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


def test_the_table_of_types_is_that_of_the_code() -> None:
    table = PAGE.read_text().partition("<!-- types -->\n")[2].partition("<!-- end of types -->")[0]
    rows = "".join(f"| `{name}` | {when} |\n" for name, when in TYPES.items())
    assert table == f"| type | when |\n|---|---|\n{rows}"


def test_the_receiver_of_the_page_takes_what_is_signed_and_nothing_else() -> None:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    page: dict[str, Any] = {}
    exec(block[1], page)
    now, body = datetime.now(UTC), json.dumps({"id": "evt_0_1_0", "type": "card.frozen"})
    headers = {
        "webhook-id": "evt_0_1_0",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(page["SECRET"]).sign("evt_0_1_0", now, body),
    }
    assert page["receive"](headers, body.encode()) == page["receive"](headers, body.encode()) == 204
    assert page["handled"] == {"evt_0_1_0"}
    assert page["receive"](headers, b"{}") == 401
    assert page["receive"]({}, body.encode()) == 401
