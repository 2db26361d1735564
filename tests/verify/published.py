"""Models as they are published: one that is usable, and neighbours that are not."""

from __future__ import annotations

from hashlib import sha256

from schemas.boosted import BoostedModel, Tree, encode_model

_TREE = Tree((0,), (31,), (-1,), (-2,), (0.0,), (-3.0, 3.0))
_MODEL = encode_model(BoostedModel(1, ("amount",), (_TREE,), 1.0, -4.0, (1_000, 50)))
#: Bytes and digest of each.
MODELS = tuple(
    (content, digest or sha256(content).hexdigest())
    for content, digest in (
        (_MODEL, ""),
        (_MODEL, "0" * 64),
        (_MODEL, sha256(_MODEL).hexdigest().upper()),
        (_MODEL[:-1], ""),
        (_MODEL.replace(b"31", b"64"), ""),
        (_MODEL.replace(b"-4.0", b"1e999"), ""),
        (b"{}", ""),
        (b"\xff\xfe", ""),
        (b"[" * 40_000, ""),
    )
)
