"""The pages' few shapes, drawn here so that they come with the page: 24 units square, stroked."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_PATHS: Final = {
    "check": "M5 13l4 4L19 7",
    "half": "M5 13l4 4L19 7M3 20h9",
    "cross": "M6 6l12 12M18 6L6 18",
    "clock": "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
    "hourglass": "M7 3h10M7 21h10M8 3c0 5 8 6 8 9s-8 4-8 9M16 3c0 5-8 6-8 9s8 4 8 9",
    "back": "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
    "undo": "M4 12a8 8 0 1 1 3 6M4 12V6M4 12h6",
    "scales": "M12 4v16M7 20h10M5 8h14M5 8l-3 6h6zM19 8l-3 6h6z",
    "flag": "M5 21V4M5 4h12l-2 4 2 4H5",
    "snow": "M12 3v18M4 7.5l16 9M20 7.5l-16 9",
    "plus": "M12 5v14M5 12h14",
    "dot": "M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "sun": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.5 17.5L5 19",
    "home": "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
    "list": "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
    "chart": "M4 20h16M7 17v-6M12 17V6M17 17v-9",
    "card": "M3 6h18v12H3zM3 10h18M7 15h3",
    "receipt": "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
    "wallet": "M4 7a2 2 0 0 1 2-2h11v4M4 7v10a2 2 0 0 0 2 2h14V9H6a2 2 0 0 1-2-2M16 14h.01",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "out": "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
    "inbox": "M4 13l2-8h12l2 8v6H4zM4 13h5l1 3h4l1-3h5",
    "rule": "M5 4h14v16H5zM9 9h6M9 13h6M9 17h3",
    "people": "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5a6.5 6.5 0 0 1 3.5 5.5",
    "pulse": "M3 12h4l3-8 4 16 3-8h4",
    "send": "M4 12l16-8-6 16-3-6z",
    "door": "M4 21h16M6 21V4h9v17M18 21V8h-3M12 12v.01",
    "key": "M14 10a4 4 0 1 0-3.5 4L13 16h2v2h2v2h3v-3l-6.3-5.3",
    "hook": "M8 4v9a4 4 0 1 0 8 0v-2l-2 2M8 4a2 2 0 1 0 0 .01",
    "book": "M5 4h13v16H7a2 2 0 0 1-2-2zM5 18a2 2 0 0 1 2-2h11",
    "down": "M12 4v11M7 11l5 5 5-5M5 20h14",
    "ask": "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
    "office": "M4 20V5h9v15M13 10h7v10M4 20h17M7 9h3M7 13h3M16 14h1",
}


def icon(name: str) -> Markup:
    """Decoration only: the word stands beside it."""
    return Markup(f'<svg class="i" viewBox="0 0 24 24" aria-hidden="true"><path d="{_PATHS[name]}"/></svg>')
