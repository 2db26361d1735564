"""An identity provider's side of SAML: signed by signxml, which shares no code with what reads it."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

ENTITY: Final = "https://login.techcorp.example/saml"
PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PASSWORD: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"


@cache
def keys(name: str) -> tuple[str, str]:
    """A key and its certificate, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True)
class SamlRequest:
    """What a browser brought."""

    id: str
    recipient: str
    audience: str
    state: str
    force: bool


def read_request(url: str) -> SamlRequest:
    query = parse_qs(urlsplit(url).query)
    request = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
    return SamlRequest(
        id=request.get("ID"),
        recipient=request.get("AssertionConsumerServiceURL"),
        audience=request.findtext(f"{{{SAML}}}Issuer"),
        state=query["RelayState"][0],
        force=request.get("ForceAuthn") == "true",
    )


@dataclass
class Answer:
    """A response to `request` for `subject`. What it tells may be changed before it is signed."""

    request: SamlRequest
    subject: str
    attributes: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def response(self) -> etree._Element:
        """Not signed yet."""
        told, now = self.told, dt.datetime.now(dt.UTC)

        def at(name: str, seconds: int) -> str:
            return f"{now + dt.timedelta(seconds=told.get(name, seconds)):%Y-%m-%dT%H:%M:%SZ}"

        recipient, answered = (
            told.get("recipient", self.request.recipient),
            told.get("answers", self.request.id),
        )
        audience = told.get("audience", self.request.audience)
        # Classes and elements as other providers write them, or none.
        inner = told.get("context", f"<saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef>")
        context = inner and f"<saml:AuthnContext>{inner}</saml:AuthnContext>"
        stated = "".join(
            f'<saml:Attribute Name="{name}">'
            + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in self.attributes.items()
        )
        text = f"""<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_{secrets.token_hex(16)}"
            Version="2.0" IssueInstant="{at("", 0)}" InResponseTo="{answered}" Destination="{recipient}">
          <saml:Issuer>{told.get("issuer", ENTITY)}</saml:Issuer>
          <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
          <saml:Assertion ID="_{secrets.token_hex(16)}" Version="2.0" IssueInstant="{at("", 0)}">
            <saml:Issuer>{told.get("issuer", ENTITY)}</saml:Issuer>
            <saml:Subject>
              <saml:NameID Format="{told.get("format", PERSISTENT)}"
                >{self.subject}</saml:NameID>
              <saml:SubjectConfirmation Method="{told.get("method", BEARER)}">
                <saml:SubjectConfirmationData InResponseTo="{answered}" Recipient="{recipient}"
                  NotOnOrAfter="{at("until", 300)}"/>
              </saml:SubjectConfirmation>
            </saml:Subject>
            <saml:Conditions NotBefore="{at("from", -5)}" NotOnOrAfter="{at("conditions", 300)}">
              <saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience>
              </saml:AudienceRestriction>
            </saml:Conditions>
            <saml:AuthnStatement AuthnInstant="{at("authenticated", -1)}">{context}</saml:AuthnStatement>
            <saml:AttributeStatement>{stated}</saml:AttributeStatement>
          </saml:Assertion>
        </samlp:Response>"""
        return etree.fromstring(text)

    def signed(self, by: str = "techcorp", *, whole: bool = False, sha1: bool = False) -> etree._Element:
        """The response, of which the assertion is signed, or it itself (`whole`)."""
        response = self.response()
        element = response if whole else response.find(f"{{{SAML}}}Assertion")
        signer = _Weak if sha1 else XMLSigner
        private, certificate = keys(by)
        algorithm = SignatureMethod.RSA_SHA1 if sha1 else SignatureMethod.RSA_SHA256
        made = signer(
            signature_algorithm=algorithm,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        ).sign(element, key=private, cert=certificate, reference_uri=element.get("ID"))
        if whole:
            return made
        response.replace(element, made)
        return response


class _Weak(XMLSigner):
    def check_deprecated_methods(self) -> None:
        """SHA-1 is what is tried here."""


def posted(response: etree._Element) -> str:
    return base64.b64encode(etree.tostring(response)).decode()
