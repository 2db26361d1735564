"""What somebody names has an address of its own: no word of a page stands before it."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.routing import APIRoute
from starlette.routing import Match

from api.pages.rooms import PAGES

ROUTES = [route for router in PAGES for route in router.routes if isinstance(route, APIRoute)]
#: Ids that are made here, with a prefix that is no page's word, and names of files of our own.
MADE_HERE = {"endpoint_id", "event_id", "person_id", "key_id", "invitation_id", "provider_id", "kind", "name"}


def words() -> set[str]:
    """All that stands in an address for itself."""
    parts = {part for route in ROUTES for part in route.path.split("/")}
    return {part for part in parts if part and "{" not in part}


def named(route: APIRoute) -> Iterator[str]:
    """Addresses of the route where one of what somebody names is called as a word of a page, as two of
    them (an id may hold a slash), or like a part of a path."""
    given = [name for name in route.param_convertors if name not in MADE_HERE]
    for name in given:
        long = ":path" in route.path and route.path.endswith(f"{{{name}:path}}")
        for word in sorted(words()):
            for value in (word, *((f"{word}/a", f"a/{word}", f"{word}/{word}/a") if long else ())):
                filled = {**others_of(route), name: value}
                yield str(route.url_path_for(route.name, **filled))


def others_of(route: APIRoute) -> dict[str, str]:
    """What is named beside it, with a slash where there may be one."""
    return {name: "x1/a" if f"{name}:path" in route.path else "x1" for name in route.param_convertors}


def first(path: str, method: str) -> APIRoute:
    scope = {"type": "http", "path": path, "method": method, "root_path": ""}
    return next(route for route in ROUTES if route.matches(scope)[0] is Match.FULL)


def test_whatever_somebody_names_is_reached_by_its_own_page() -> None:
    shadowed = {
        (path, method): first(path, method).path
        for route in ROUTES
        for path in named(route)
        for method in route.methods or ()
        if first(path, method) is not route
    }
    assert shadowed == {}


def test_the_words_are_those_that_once_hid_something() -> None:
    assert {"new", "change", "more", "trial"} <= words()
    assert first("/cards/change/card_1/a", "GET").path == "/cards/{department_id}/{card_id:path}"
    assert first("/cards/sales/new", "POST").path == "/cards/{department_id}/{card_id:path}"
    assert first("/departments/change", "GET").path == "/departments/{department_id}"
