"""SAML 2.0, begun by us: a request by redirect, and what an assertion that comes by POST must be (Web Browser
SSO profile, 4.1.4).

minisaml and minisignxml (`spendlog[saml]`) know the XML and its signature, and give what was signed and
nothing else. They want one signature, RSA with SHA-256, of the response or of the assertion.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.x509 import Certificate, load_pem_x509_certificate

from api.access.sign_on.fetch import ProviderFault
from api.access.sign_on.identity import Identity, IdentityProvider, SignOn
from api.access.sign_on.strength import METHODS_ATTRIBUTE, two_factors_of

LEEWAY: Final = timedelta(seconds=60)
AGAIN_MAX: Final = timedelta(minutes=5)
RESPONSE_MAX: Final = 256 * 1024
#: An assertion is remembered until it is good no more; none is good for longer.
LIFE_MAX: Final = timedelta(hours=2)
_SAML: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
#: Where providers write an e-mail address: their own names for it, in that order; else the NameID may be one.
_EMAILS: Final = (
    "email",
    "mail",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
)


def certificate_of(text: str) -> Certificate:
    """Raises ValueError for what is no certificate in PEM."""
    return load_pem_x509_certificate(text.encode())


def request_id(sign_on: SignOn) -> str:
    """An XML name: it must not begin with a digit."""
    return f"_{sign_on.nonce}"


def request_url(
    provider: IdentityProvider, sign_on: SignOn, state: str, *, audience: str, callback: str
) -> str:
    """Where the browser goes. Raises ProviderFault: the extra is not installed."""
    try:
        from minisaml.request import get_request_redirect_url
    except ImportError:
        raise ProviderFault("SAML needs `pip install spendlog[saml]` where the API runs") from None
    assert provider.sign_on_url is not None
    url: str = get_request_redirect_url(
        saml_endpoint=provider.sign_on_url,
        expected_audience=audience,
        acs_url=callback,
        force_reauthentication=sign_on.again,
        request_id=request_id(sign_on),
        relay_state=state,
    )
    return url


def identity(
    provider: IdentityProvider, sign_on: SignOn, response: str, *, audience: str, callback: str
) -> tuple[Identity, str]:
    """Who it is, and the assertion's own id, which is good once. Raises ProviderFault."""
    from minisaml.response import TimeDriftLimits, validate_response
    from minisignxml.verify import extract_verified_element_and_certificate

    if len(response) > RESPONSE_MAX:
        raise ProviderFault(f"the response is longer than {RESPONSE_MAX // 1024} KiB")
    try:
        certificates = {certificate_of(text) for text in provider.certificates}
        found = validate_response(
            data=response,
            certificate=certificates,
            expected_audience=audience,
            idp_issuer=provider.issuer,
            allowed_time_drift=TimeDriftLimits(LEEWAY, LEEWAY),
        )
        _require_one(_decoded(response))
        signed, _ = extract_verified_element_and_certificate(
            xml=_decoded(response), certificates=certificates
        )
        assertion = signed if signed.tag == f"{_SAML}Assertion" else signed.find(f"{_SAML}Assertion")
        name = _confirmed(assertion, sign_on, callback)
        authenticated_at = _authenticated_at(assertion, again=sign_on.again)
        claims = {one.name: [value for value in one.values if value] for one in found.attributes}
    except ProviderFault:
        raise
    except Exception as error:  # noqa: BLE001  what two parsers make of a stranger's XML: none of it lets in
        raise ProviderFault(f"the assertion is not good: {_words(error)}") from None
    subject = found.name_id or ""
    if not 1 <= len(subject) <= 255 or "\0" in subject:
        raise ProviderFault("the assertion's NameID is no text of 1 to 255 characters")
    email = _email(claims, subject if name.get("Format") == _EMAIL else None)
    known = Identity(
        subject=subject,
        email=email,
        authenticated_at=authenticated_at,
        second_factor=two_factors_of([*_contexts(assertion), *claims.get(METHODS_ATTRIBUTE, [])]),
        claims=claims,
    )
    return known, str(assertion.get("ID"))


def _decoded(response: str) -> bytes:
    return b64decode(response)


def _require_one(xml: bytes) -> None:
    """What was signed is what is read, so another assertion beside it would change nothing; it is there to
    deceive somebody, all the same. The XML was parsed before, by a parser that takes no entities."""
    from lxml import etree

    found = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    if sum(1 for _ in found.iter(f"{_SAML}Assertion")) != 1:
        raise ProviderFault("the response has more than one assertion")


def _confirmed(assertion: Any, sign_on: SignOn, callback: str) -> Any:
    """Its NameID. Raises ProviderFault unless it is for us, for this try, and now (4.1.4.3)."""
    subject = assertion.find(f"{_SAML}Subject")
    confirmation = subject.find(f"{_SAML}SubjectConfirmation")
    data = confirmation.find(f"{_SAML}SubjectConfirmationData")
    if confirmation.get("Method") != _BEARER:
        raise ProviderFault("the assertion is none of a bearer")
    if data.get("InResponseTo") != request_id(sign_on):
        raise ProviderFault("the assertion answers another request (InResponseTo)")
    if data.get("Recipient") != callback:
        raise ProviderFault("the assertion is for another recipient")
    now, until = datetime.now(UTC), _moment(data.get("NotOnOrAfter"))
    if data.get("NotBefore") is not None or not now - LEEWAY < until <= now + LIFE_MAX:
        raise ProviderFault("the assertion has expired, or is good for too long (NotOnOrAfter)")
    return subject.find(f"{_SAML}NameID")


def _authenticated_at(assertion: Any, *, again: bool) -> datetime:
    now, told = datetime.now(UTC), _moment(assertion.find(f"{_SAML}AuthnStatement").get("AuthnInstant"))
    if again and now - told > AGAIN_MAX:
        raise ProviderFault("the provider does not say that you have just signed in there (AuthnInstant)")
    return min(now, told)


def _contexts(assertion: Any) -> list[str]:
    """Classes of how he proved it."""
    way = f"{_SAML}AuthnStatement/{_SAML}AuthnContext/{_SAML}AuthnContextClassRef"
    return [one.text or "" for one in assertion.findall(way)]


def _moment(text: str | None) -> datetime:
    """Raises ProviderFault where it is missing, ValueError where it is none."""
    if text is None:
        raise ProviderFault("the assertion does not say until when it is good, or since when")
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _email(claims: dict[str, list[str]], name_id: str | None) -> str | None:
    """SAML knows no unverified address: what the provider signs it answers for, within its domains."""
    given = [value for name in _EMAILS for value in claims.get(name, [])] + ([name_id] if name_id else [])
    email = given[0].strip().lower() if given else ""
    return email if email.count("@") == 1 and email.isprintable() and 3 <= len(email) <= 200 else None


def _words(error: Exception) -> str:
    return f"{type(error).__name__} {str(error)[:150]}".strip()
