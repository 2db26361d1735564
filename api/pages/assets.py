"""What pages load beside themselves: styles, scripts, the icon. Read once, sent compressed, kept."""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.http.problems import Problem

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
#: What pages name an asset by changes with its content, so it may be kept for ever under that name.
_FOR_EVER: Final = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


class Asset(NamedTuple):
    """`tag`: of the content; `small`: gzip."""

    body: bytes
    small: bytes
    media_type: str
    tag: str


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """All files under `static`, by their path in it."""
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            tag = sha256(body).hexdigest()[:16]
            name = path.relative_to(_FOLDER).as_posix()
            found[name] = Asset(body, gzip.compress(body, 9, mtime=0), _TYPES[path.suffix], tag)
    return found


def address(name: str) -> str:
    """Where pages load `name` from. Raises KeyError: there is no such file."""
    return f"/static/{name}?v={assets()[name].tag}"


def accepts_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


@router.get("/static/{name:path}")
async def read_asset(request: Request, name: str) -> Response:
    """A file; 304 where the browser has it."""
    asset = assets().get(name)
    if asset is None:
        raise Problem(404, "no_such_resource", "There is nothing at this path.")
    current = request.query_params.get("v") == asset.tag
    headers = {
        "Cache-Control": _FOR_EVER if current else "no-cache",
        "ETag": f'"{asset.tag}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request):
        return Response(
            asset.small, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type
        )
    return Response(asset.body, headers=headers, media_type=asset.media_type)
