"""OpenID Connect: the code flow with PKCE, and what an ID token must be (OpenID Connect Core 1.0, 3.1).

authlib knows the requests and the claims, joserfc the signatures.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.access.sign_on.fetch import ProviderFault, ProviderHttp
from api.access.sign_on.identity import Identity, IdentityProvider, SignOn
from api.access.sign_on.strength import two_factors
from schemas.outbound import url_fault

#: Asymmetric alone: with HS256 whoever knows the public key, or the client secret, could sign.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
LEEWAY_S: Final = 60  # between two clocks
#: Somebody who proves that it is still he has just signed in there.
AGAIN_S_MAX: Final = 300
SUBJECT_MAX: Final = 255  # Core 1.0, 2
KNOWN_S: Final = 600.0
KEYS_AGAIN_S: Final = 10.0
KNOWN_MAX: Final = 500


class Metadata(msgspec.Struct):
    """Of OpenID Connect Discovery 1.0, what is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    asked_at: float
    keys: Any = None
    keys_at: float = 0.0


class OpenIdConnect:
    """Speaks with providers; their documents and keys are kept for ten minutes."""

    def __init__(self, http: ProviderHttp, *, local: bool) -> None:
        self._http = http
        self._local = local
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def metadata(self, issuer: str) -> Metadata:
        """Its discovery document. Raises ProviderFault."""
        return (await self._about(issuer)).metadata

    async def authorization_url(
        self, provider: IdentityProvider, sign_on: SignOn, state: str, *, callback: str
    ) -> str:
        """Where the browser goes. Raises ProviderFault."""
        assert provider.client_id is not None
        metadata = await self.metadata(provider.issuer)
        again = {"prompt": "login", "max_age": "0"} if sign_on.again else {}
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            provider.client_id,
            "code",
            redirect_uri=callback,
            scope="openid email profile",
            state=state,
            nonce=sign_on.nonce,
            code_challenge=create_s256_code_challenge(sign_on.verifier),
            code_challenge_method="S256",
            **again,
        )
        return url

    async def identity(
        self,
        provider: IdentityProvider,
        secret: str | None,
        sign_on: SignOn,
        *,
        code: str,
        issuer: str | None,
        callback: str,
    ) -> Identity:
        """Who it is, by the code that came back, and its `issuer` (RFC 9207). Raises ProviderFault."""
        metadata = await self.metadata(provider.issuer)
        if issuer not in (None, provider.issuer) or (
            issuer is None and metadata.authorization_response_iss_parameter_supported
        ):
            raise ProviderFault("the answer came from another issuer")
        tokens = await self._tokens(metadata, provider, secret, sign_on, code=code, callback=callback)
        token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str) or not isinstance(access, str):
            raise ProviderFault("the token endpoint gave no id_token and access_token")
        claims = await self._verified(provider, sign_on, token, access)
        subject, strong = claims["sub"], two_factors(claims)  # of what is signed
        if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_MAX or "\0" in subject:
            raise ProviderFault("the ID token's sub is no text of 1 to 255 characters")
        if "email" not in claims and metadata.userinfo_endpoint is not None:
            claims = await self._user_info(metadata.userinfo_endpoint, access, subject) | claims
        return Identity(
            subject=subject,
            email=_verified_email(claims),
            authenticated_at=_authenticated_at(claims, again=sign_on.again),
            second_factor=strong,
            claims=claims,
        )

    async def _about(self, issuer: str) -> _Known:
        known = self._known.get(issuer)
        if known is not None and time.monotonic() - known.asked_at < KNOWN_S:
            return known
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        status, found = await self._http.json("GET", url)
        if status != 200:
            raise ProviderFault(f"{url[:200]} answered {status}")
        try:
            metadata = msgspec.convert(found, Metadata)
        except msgspec.ValidationError as error:
            raise ProviderFault(f"{url[:200]}: {error}") from None
        if metadata.issuer != issuer:
            raise ProviderFault(
                f"{url[:200]} says that its issuer is {metadata.issuer[:200]!r}, not {issuer!r}"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if fault := url_fault(getattr(metadata, name), local=self._local):
                raise ProviderFault(f"{url[:200]}: {name} {fault}")
        known = self._known[issuer] = _Known(metadata, time.monotonic())
        self._known.move_to_end(issuer)
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return known

    async def _tokens(
        self,
        metadata: Metadata,
        provider: IdentityProvider,
        secret: str | None,
        sign_on: SignOn,
        *,
        code: str,
        callback: str,
    ) -> dict[str, Any]:
        body = prepare_token_request(
            "authorization_code", redirect_uri=callback, code=code, code_verifier=sign_on.verifier
        )
        ways = metadata.token_endpoint_auth_methods_supported or ["client_secret_basic"]
        basic = "client_secret_basic" in ways or "client_secret_post" not in ways
        way = "none" if secret is None else "client_secret_basic" if basic else "client_secret_post"
        auth = ClientAuth(provider.client_id, secret, way)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = auth.prepare("POST", metadata.token_endpoint, headers, body)
        status, tokens = await self._http.json("POST", url, headers, body)
        if status != 200:
            why = str(tokens.get("error_description") or tokens.get("error") or f"status {status}")[:200]
            raise ProviderFault(f"the token endpoint refused the code: {why}")
        return tokens

    async def _verified(
        self, provider: IdentityProvider, sign_on: SignOn, token: str, access: str
    ) -> dict[str, Any]:
        """The claims of an ID token that is this provider's, for us, for this try, and now."""
        try:
            try:
                found = jwt.decode(token, await self._keys(provider.issuer), algorithms=ALGORITHMS)
            except InvalidKeyIdError:  # it signs with a new key
                keys = await self._keys(provider.issuer, fresh=True)
                found = jwt.decode(token, keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                found.claims,
                found.header,
                {
                    "iss": {"essential": True, "value": provider.issuer},
                    "aud": {"essential": True, "value": provider.client_id},
                },
                {"nonce": sign_on.nonce, "client_id": provider.client_id, "access_token": access},
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderFault(f"the ID token is not good: {str(error)[:200]}") from None
        return dict(claims)

    async def _keys(self, issuer: str, *, fresh: bool = False) -> Any:
        """Its keys; `fresh`: asked again, unless that was done a moment ago. Raises ProviderFault."""
        known, now = await self._about(issuer), time.monotonic()
        if known.keys is None or now - known.keys_at > (KEYS_AGAIN_S if fresh else KNOWN_S):
            status, found = await self._http.json("GET", known.metadata.jwks_uri)
            listed = found.get("keys")
            if status != 200 or not isinstance(listed, list):
                raise ProviderFault(f"{known.metadata.jwks_uri[:200]} answered {status}, and no keys")
            try:
                known.keys = KeySet.import_key_set({"keys": [key for key in listed if _signs(key)]})
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise ProviderFault(f"its keys cannot be read: {str(error)[:200]}") from None
            known.keys_at = now
        return known.keys

    async def _user_info(self, url: str, access: str, subject: str) -> dict[str, Any]:
        """What the ID token may leave out (Core 1.0, 5.3), of the same subject."""
        status, found = await self._http.json("GET", url, {"Authorization": f"Bearer {access}"})
        if status != 200 or found.get("sub") != subject:
            raise ProviderFault(f"the userinfo endpoint answered {status}, or of somebody else")
        return found


def _signs(key: Any) -> bool:
    return isinstance(key, dict) and key.get("use", "sig") == "sig" and key.get("kty") in ("RSA", "EC", "OKP")


def _verified_email(claims: dict[str, Any]) -> str | None:
    email = claims.get("email")
    # Cognito writes the truth as a text.
    if not isinstance(email, str) or claims.get("email_verified") not in (True, "true"):
        return None
    email = email.strip().lower()
    return email if email.count("@") == 1 and email.isprintable() and 3 <= len(email) <= 200 else None


def _authenticated_at(claims: dict[str, Any], *, again: bool) -> datetime:
    """When he proved it to the provider: `auth_time`, or when the token was made. Raises ProviderFault for
    who had to prove it again and did not."""
    now = datetime.now(UTC)
    told = claims.get("auth_time")
    if again and (told is None or now.timestamp() - float(told) > AGAIN_S_MAX):
        raise ProviderFault("the provider does not say that you have just signed in there (auth_time)")
    seconds = float(claims["iat"] if told is None else told)
    return min(now, datetime.fromtimestamp(min(max(seconds, 0.0), now.timestamp()), UTC))
