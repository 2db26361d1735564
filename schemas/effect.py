"""What all effects are; `schemas.effects` has them."""

from __future__ import annotations

import msgspec

Charges = tuple[str, ...]


class Effect(msgspec.Struct, frozen=True, tag_field="effect", omit_defaults=True, kw_only=True, gc=False):
    """Something that moved."""
