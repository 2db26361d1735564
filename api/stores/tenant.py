"""For whom PostgreSQL is asked: it shows a session of the API the rows of this organization alone.

The second wall, behind the filters of the statements: set where a caller is identified, never from what a
request names. Each request is a task of its own, and so is what it starts.
"""

from __future__ import annotations

from contextvars import ContextVar

#: Empty: nobody is identified, and no tenant's row is seen.
TENANT: ContextVar[str] = ContextVar("tenant", default="")
