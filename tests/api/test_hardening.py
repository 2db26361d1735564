"""What the security standard asks of every answer, every password and every session (docs/asvs.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from api.access.factor import new_recovery_codes, new_secret
from api.access.passwords import hashed_now
from api.access.roles import Role
from api.access.sign_on.sealed_secrets import Seal, Unsealable
from api.api_settings import ApiSettings
from api.app import create_app
from tests.api.people import (
    COOKIE,
    NEW_PASSWORD,
    PASSWORD,
    browser,
    member,
    person,
    sign_in,
    token_of,
)
from tests.api.support import serving
from tests.api.test_audit import told
from tests.api.test_second_factor import enrolled

ROOT = Path(__file__).parents[2]
PATHS = ("/sign-in", "/static/app.js", "/v1/cards", "/healthz", "/nowhere", "/openapi.json")


@pytest.fixture
def email(settings: ApiSettings, organization: str) -> str:
    return member(settings.postgres, organization, Role.EMPLOYEE)


# -- what every answer says to browsers


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_what_they_must_not_do(server: str, path: str) -> None:
    headers = httpx.get(server + path, timeout=60).headers
    policy = headers["content-security-policy"]
    for directive in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in policy
    assert "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    if not path.startswith(("/static", "/openapi")):
        assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers  # this one is reached without TLS


@pytest.fixture(scope="module")
def behind_tls(settings: ApiSettings) -> Iterator[str]:
    with serving(settings.model_copy(update={"api_public_url": "https://spend.example.com"})) as base_url:
        yield base_url


@pytest.mark.parametrize("path", PATHS)
def test_browsers_stay_with_tls_where_it_is(behind_tls: str, path: str) -> None:
    told_by = httpx.get(behind_tls + path, timeout=60).headers["strict-transport-security"]
    age = re.fullmatch(r"max-age=(\d+); includeSubDomains", told_by)
    assert age and int(age[1]) >= 365 * 86_400


def test_nothing_is_traced_or_listed(server: str) -> None:
    for path in PATHS:
        assert httpx.request("TRACE", server + path, timeout=60).status_code in (404, 405)
    for folder in ("/static", "/static/", "/static/vendor", "/static/vendor/", "/static/../app.py"):
        assert httpx.get(server + folder, timeout=60).status_code == 404


def test_a_parameter_stands_once(client: httpx.Client) -> None:
    answer = client.get("/v1/cards?limit=1&limit=2")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "repeated")


def test_an_address_is_that_of_the_connection(server: str, admin: httpx.Client, email: str) -> None:
    """What a client says of itself neither stands in the log nor gets around a limit."""
    said = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    with browser(server) as client:
        client.post("/v1/sessions", json={"email": email, "password": "not this one"}, headers=said)
    assert told(admin, actor=email, outcome="refused")["address"] == "127.0.0.1"


def test_what_fails_inside_is_logged_and_not_told(settings: ApiSettings) -> None:
    app = create_app(settings)

    @app.get("/defect")
    async def fail() -> None:
        raise RuntimeError("password=hunter2 SELECT * FROM person")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/defect")

    with capture_logs() as logs:
        answer = anyio.run(ask)
    assert answer.status_code == 500 and answer.json()["code"] == "internal_error"
    assert not any(word in answer.text for word in ("hunter2", "SELECT", "RuntimeError", "Traceback"))
    (line,) = [one for one in logs if one["event"] == "unexpected_error"]
    assert line["request_id"] == answer.headers["x-request-id"] and line["exc_info"]


# -- passwords, codes, secrets


def test_a_password_is_taken_as_it_came(server: str, email: str) -> None:
    """Neither cut, nor folded, nor stripped: of these but one is it."""
    chosen = "  Violet Anchors drifting NINE é " + "x" * 60
    with sign_in(server, email) as client:
        body = {"password": PASSWORD, "new_password": chosen}
        assert client.put("/v1/account/password", json=body).status_code == 204
    others = (chosen.strip(), chosen.lower(), chosen[:-1], chosen[:72], chosen.replace("é", "e\u0301"))
    with browser(server) as client:
        for password, status in (*((other, 401) for other in others), (chosen, 201)):
            answer = client.post("/v1/sessions", json={"email": email, "password": password})
            assert answer.status_code == status, password


def test_a_password_is_kept_as_owasp_says() -> None:
    kept = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$.+\$.+", hashed_now(PASSWORD))
    assert kept and (int(kept[1]), int(kept[2])) >= (19_456, 2)


def test_recovery_codes_cannot_be_guessed() -> None:
    codes = [code for _ in range(20) for code in new_recovery_codes()]
    assert len(set(codes)) == len(codes)
    assert all(4 * len(code.replace("-", "")) >= 128 for code in codes)
    assert len({new_secret() for _ in range(50)}) == 50 and 5 * len(new_secret()) >= 160


def test_a_reset_asks_for_the_second_factor(server: str, admin: httpx.Client, email: str) -> None:
    with sign_in(server, email) as client:
        _, codes = enrolled(client)
    made = admin.post(f"/v1/people/{person(admin, email)['person_id']}/password-resets").json()
    body = {"token": made["token"], "password": NEW_PASSWORD}
    with browser(server) as client:
        for code, status in (({}, 401), ({"code": "000000"}, 401), ({"code": codes[0]}, 204)):
            assert client.post("/v1/password-resets/uses", json=body | code).status_code == status


def test_what_is_sealed_cannot_be_changed() -> None:
    key = Fernet.generate_key().decode()
    sealed = Seal([key]).seal("s3cr3t")
    assert "s3cr3t" not in sealed and sealed != Seal([key]).seal("s3cr3t")
    assert Seal([Fernet.generate_key().decode(), key]).open(sealed) == "s3cr3t"
    for place in range(0, len(sealed), 7):
        other = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(Unsealable):
            Seal([key]).open(other)


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: all@b.example", "a@b.example\nX: y", "a@b.example\0", "a@b.example, c@d.example"],
)
def test_no_address_adds_a_line_to_a_mail(admin: httpx.Client, address: str) -> None:
    body = {"email": address, "role": "employee"}
    answer = admin.post("/v1/invitations", json=body, headers={"Idempotency-Key": "i"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "body.email"


# -- sessions


def test_whoever_signs_in_anew_leaves_no_session_behind(server: str, email: str) -> None:
    with sign_in(server, email) as first, sign_in(server, email) as elsewhere:
        again = first.post("/v1/sessions", json={"email": email, "password": PASSWORD})
        assert again.status_code == 201 and token_of(again) not in first.headers["Cookie"]
        assert first.get("/v1/sessions/current").status_code == 401
        assert elsewhere.get("/v1/sessions/current").status_code == 200
        first.headers["Cookie"] = f"{COOKIE}={token_of(again)}"
        first.cookies.clear()
        assert first.get("/v1/sessions/current").status_code == 200


def test_another_ones_session_ends_in_the_browser_that_somebody_signs_in_with(
    server: str, settings: ApiSettings, email: str, organization: str
) -> None:
    other = member(settings.postgres, f"{organization}-b", Role.EMPLOYEE)
    with sign_in(server, email) as client:
        answer = client.post("/v1/sessions", json={"email": other, "password": PASSWORD})
        assert answer.status_code == 201
        assert client.get("/v1/sessions/current").status_code == 401


def test_a_wrong_password_ends_nothing(server: str, email: str) -> None:
    with sign_in(server, email) as client:
        answer = client.post("/v1/sessions", json={"email": email, "password": "not this one"})
        assert answer.status_code == 401
        assert client.get("/v1/sessions/current").status_code == 200


def test_a_password_that_is_said_again_gives_a_new_token(server: str, email: str) -> None:
    with sign_in(server, email) as client:
        session = client.get("/v1/sessions/current").json()["session_id"]
        answer = client.post("/v1/sessions/current/authentication", json={"password": PASSWORD})
        assert answer.status_code == 204
        client.cookies.clear()
        assert client.get("/v1/sessions/current").status_code == 401
        client.headers["Cookie"] = f"{COOKIE}={token_of(answer)}"
        assert client.get("/v1/sessions/current").json()["session_id"] == session


# -- what the code must not hold


def sources(*folders: str, kind: str = "py") -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(f"*.{kind}")):
            if "vendor" not in path.parts:
                yield path, path.read_text(encoding="utf-8")


def test_no_code_runs_what_it_was_given() -> None:
    """No eval, no pickle, no shell, no template, format or expression that a request has written."""
    found = re.compile(
        r"(?<![\w.])(eval|exec)\(|\bpickle\b|yaml\.load\(|shell=True|os\.system|from_string\(|\bmarshal\b"
        r"|re\.(compile|match|search|fullmatch|sub|split|findall)\(f[\"']"
    )
    for path, text in sources("api", "sinks", "streams", "schemas"):
        assert not (wrong := found.search(text)), f"{path}: {wrong[0]}"


def test_scripts_store_nothing_but_the_theme() -> None:
    scripts = dict(sources("api/pages/static", kind="js"))
    assert len(scripts) >= 5
    stored = re.compile(
        r"sessionStorage|indexedDB|document\.cookie|localStorage\.(?!(?:get|set)Item\(\"theme\")"
    )
    writes = re.compile(r"__proto__|\.prototype\b|Object\.assign|\binnerHTML\b|\beval\(|new Function")
    for path, text in scripts.items():
        assert not (wrong := stored.search(text) or writes.search(text)), f"{path}: {wrong[0]}"


def test_password_managers_are_helped() -> None:
    """Each field of a password says which one it is, and nothing keeps anybody from pasting it."""
    fields = 0
    for path, text in sources("api/pages/templates", kind="html"):
        assert not re.search(r"onpaste|oncopy|onselectstart|autocomplete=\"off\"[^>}]*password", text), path
        for field in re.findall(
            r"ui\.field\([^}]*\"password\"[^}]*\)|<input[^>]*type=\"password\"[^>]*>", text
        ):
            assert re.search(r"autocomplete=\"(current|new)-password\"", field), f"{path}: {field}"
            fields += 1
    assert fields >= 5
