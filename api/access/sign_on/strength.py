"""Whether a provider says that somebody proved who he is by two factors.

OpenID Connect tells methods (`amr`, RFC 8176) and a class (`acr`), SAML a class (AuthnContextClassRef). What
is not among these is taken for one factor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Methods of RFC 8176 that are something one knows; something one has or is.
_KNOWN: Final = frozenset({"pwd", "pin", "kba"})
_HAD: Final = frozenset(
    {"otp", "hwk", "swk", "sc", "sms", "tel", "pop", "fpt", "face", "iris", "retina", "vbm"}
)
#: Names of the class of two factors, as providers write them.
CLASSES: Final = frozenset({
    "mfa",
    "phr", "phrh",  # phishing-resistant, OpenID Connect Extended Authentication Profile
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "http://schemas.microsoft.com/claims/multipleauthn",
    "https://refeds.org/profile/mfa",
    "urn:okta:loa:2fa:any",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
})  # fmt: skip
#: Entra writes methods of SAML into an attribute.
METHODS_ATTRIBUTE: Final = "http://schemas.microsoft.com/claims/authnmethodsreferences"


def two_factors(claims: Mapping[str, Any]) -> bool:
    """Of an ID token's claims."""
    told = claims.get("amr")
    methods = {one for one in told if isinstance(one, str)} if isinstance(told, list) else set()
    acr = claims.get("acr")
    return (
        "mfa" in methods
        or bool(methods & _KNOWN and methods & _HAD)
        or (isinstance(acr, str) and acr in CLASSES)
    )


def two_factors_of(contexts: Iterable[str]) -> bool:
    """Of an assertion's classes and methods."""
    return any(one.strip() in CLASSES for one in contexts)
