"""A real identity provider in a process of its own: `python -m tests.api.provider_process PORT`.

It is oidc-provider-mock, which checks no PKCE and always tells the truth. Beside it: the code verifier must
be the one of the challenge, and `PUT /lies` says how the next ID tokens differ from what they ought to be.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import flask
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock import app as provider
from werkzeug.serving import make_server

OTHER_KEY: Final = RSAKey.generate_key(2048, private=True)

app: flask.Flask = provider()
challenges: dict[str, str] = {}
seen: dict[str, Any] = {}
#: `claims`: set, or left out where null; `sign`: with which key; `auth_time`: so many seconds ago.
lies: dict[str, Any] = {}


@app.put("/lies")
def tell_lies() -> tuple[str, int]:
    lies.clear()
    lies.update(flask.request.get_json())
    return "", 204


@app.get("/seen")
def show_seen() -> flask.Response:
    """What the last token request was authenticated with."""
    return flask.jsonify(seen)


@app.before_request
def check_verifier() -> tuple[flask.Response, int] | None:
    if flask.request.path != "/oauth2/token":
        return None
    form = flask.request.form
    seen.update(authorization=flask.request.headers.get("Authorization"), form=dict(form))
    made = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if challenges.get(form.get("code", "")) == base64.urlsafe_b64encode(made).rstrip(b"=").decode():
        return None
    return flask.jsonify(error="invalid_grant", error_description="the verifier is another one"), 400


@app.after_request
def lie(response: flask.Response) -> flask.Response:
    path = flask.request.path
    if path == "/oauth2/authorize" and "Location" in response.headers:
        seen["asked"] = flask.request.args.to_dict()
        for code in parse_qs(urlsplit(response.headers["Location"]).query).get("code", []):
            challenges[code] = flask.request.args.get("code_challenge", "")
    if path == "/oauth2/token" and response.status_code == 200:
        told = response.get_json()
        told["id_token"] = signed(claims_of(told["id_token"]))
        response.set_data(json.dumps(told))
    return response


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if "auth_time" in lies:
        claims["auth_time"] = time.time() - lies["auth_time"]
    for name, value in lies.get("claims", {}).items():
        claims.pop(name, None)
        if value is not None:
            claims[name] = value
    return claims


def signed(claims: dict[str, Any]) -> str:
    own = RSAKey.import_key(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))
    kid = {"kid": own.kid} if own.kid else {}
    match lies.get("sign"):
        case "none":
            return (unsigned("none", claims) + b".").decode()
        case "hs256":  # with the public key as the secret
            made = hmac.new(own.as_pem(private=False), unsigned("HS256", claims), "sha256").digest()
            return (unsigned("HS256", claims) + b"." + encoded(made)).decode()
        case "other":
            return jwt.encode({"alg": "RS256", **kid}, claims, OTHER_KEY)
        case "cut":
            return jwt.encode({"alg": "RS256", **kid}, claims, own)[:-10]
        case "swapped":
            good = jwt.encode({"alg": "RS256", **kid}, claims, own).split(".")
            other = jwt.encode({"alg": "RS256", **kid}, {**claims, "sub": "somebody"}, own).split(".")
            return ".".join([good[0], other[1], good[2]])
        case "no token":
            return "not a token"
    return jwt.encode({"alg": "RS256", **kid}, claims, own)


def unsigned(alg: str, claims: dict[str, Any]) -> bytes:
    return b".".join(encoded(json.dumps(part).encode()) for part in ({"alg": alg, "typ": "JWT"}, claims))


def encoded(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


if __name__ == "__main__":
    make_server("localhost", int(sys.argv[1]), app, threaded=True).serve_forever()
