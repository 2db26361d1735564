"""Where a browser's request comes from: what another site sends in a session's name is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from api.http.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_own_origin(request: HTTPConnection) -> None:
    """Raises Problem 403 for an unsafe request with a cookie that was not sent by a page of this host (CSRF).

    Browsers of today say it by `Sec-Fetch-Site`, older ones by `Origin`; a page of another site can set
    neither. The host is compared without its scheme, which a proxy that ends TLS changes. Beside it the
    cookie is SameSite=Strict.
    """
    if request.scope["method"] in SAFE_METHODS:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site == "same-origin":
        return
    if site is None and origin and urlsplit(origin).netloc == request.headers.get("host"):
        return
    raise Problem(
        403,
        "foreign_origin",
        "This request came with a session's cookie, and not from a page of this host. Nothing was written. "
        "Programs use an API key; pages send Origin or Sec-Fetch-Site.",
    )
