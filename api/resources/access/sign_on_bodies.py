"""Bodies of the routes of identity providers and of who must come by them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StrictBool, StrictStr, TypeAdapter

from api.access.sign_on.role_mapping import ClaimMapping
from api.access.sign_on.saml import certificate_of
from api.http.types import Input, Output, Text

DOMAINS_MAX = 50
PROVIDERS_MAX = 20


def _domain(text: str) -> str:
    name = text.lower()
    parts = name.split(".")
    if len(parts) < 2 or not all(
        part.isascii() and part.replace("-", "a").isalnum() and part[0] != "-" and part[-1] != "-"
        for part in parts
    ):
        raise ValueError("must be the domain of e-mail addresses, for example techcorp.com")
    return name


def _visible(text: str) -> str:
    if any(not "!" <= one <= "~" for one in text):
        raise ValueError("must be printable ASCII without blanks")
    return text


def _certificate(text: str) -> str:
    try:
        key = certificate_of(text).public_key()
    except ValueError:
        raise ValueError("must be a certificate in PEM: -----BEGIN CERTIFICATE----- and so on") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("must be a certificate of an RSA key")
    return text.strip()


Name = Annotated[
    Text, Field(min_length=1, max_length=60, description="as its button says", examples=["Okta"])
]
Issuer = Annotated[
    StrictStr,
    Field(
        min_length=1,
        max_length=2_000,
        description="its URL, exactly as its discovery document writes it; by SAML its entity id",
        examples=["https://login.techcorp.com"],
    ),
]
ClientId = Annotated[
    StrictStr,
    Field(min_length=1, max_length=300, description="of spendlog at the provider", examples=["spendlog"]),
    AfterValidator(_visible),
]
ClientSecret = Annotated[
    SecretStr,
    Field(min_length=1, max_length=500, description="kept sealed, never shown", examples=["s3cr3t-of-okta"]),
    AfterValidator(lambda secret: SecretStr(_visible(secret.get_secret_value()))),
]
Domain = Annotated[Text, Field(min_length=3, max_length=253), AfterValidator(_domain)]
DOMAIN: TypeAdapter[str] = TypeAdapter(Domain)
Domains = Annotated[
    list[Domain],
    Field(
        max_length=DOMAINS_MAX,
        description="e-mail addresses of these alone; once they are proved (`/v1/domains`), people are found "
        "and linked by them. None: all whom somebody has invited",
        examples=[["techcorp.com"]],
    ),
]


SignOnUrl = Annotated[
    StrictStr,
    Field(
        min_length=1,
        max_length=2_000,
        description="by SAML: where it takes requests by HTTP-Redirect",
        examples=["https://login.techcorp.com/sso/saml"],
    ),
]
Certificates = Annotated[
    list[Annotated[StrictStr, Field(min_length=1, max_length=8_000), AfterValidator(_certificate)]],
    Field(
        min_length=1,
        max_length=5,
        description="by SAML: in PEM, with RSA keys; the next one beside the one that is, to change over",
        examples=[["-----BEGIN CERTIFICATE-----\n..."]],
    ),
]


class IdentityProviderIn(Input):
    """Of OpenID Connect with `client_id`, or of SAML 2.0 with `sign_on_url` and `certificates`."""

    model_config = ConfigDict(title="NewIdentityProvider")

    name: Name
    protocol: Literal["oidc", "saml"] = "oidc"
    issuer: Issuer
    client_id: ClientId | None = None
    sign_on_url: SignOnUrl | None = Field(default=None, examples=[None])
    certificates: Certificates | None = Field(default=None, examples=[None])
    client_secret: ClientSecret | None = Field(
        default=None, description="absent: a public client, with PKCE alone"
    )
    domains: Domains = Field(default=[])
    mapping: ClaimMapping = Field(default=ClaimMapping())
    enabled: StrictBool = True


class IdentityProviderChangeIn(Input):
    """What is not in it stays as it is. Another issuer is another provider."""

    model_config = ConfigDict(title="IdentityProviderChange")

    name: Name | None = None
    client_id: ClientId | None = None
    client_secret: ClientSecret | None = None
    sign_on_url: SignOnUrl | None = Field(default=None, examples=[None])
    certificates: Certificates | None = Field(default=None, examples=[None])
    domains: Domains | None = None
    mapping: ClaimMapping | None = None
    enabled: StrictBool | None = None


class IdentityProviderOut(Output):
    """Who says for the organization who somebody is."""

    model_config = ConfigDict(title="IdentityProvider")

    provider_id: str = Field(examples=["idp_9f86d081884c7d659a2f"])
    protocol: Literal["oidc", "saml"]
    name: str = Field(examples=["Okta"])
    issuer: str = Field(examples=["https://login.techcorp.com"])
    client_id: str | None = Field(examples=["spendlog"])
    sign_on_url: str | None = Field(examples=[None])
    certificates: list[str] = Field(examples=[[]])
    domains: list[str] = Field(examples=[["techcorp.com"]])
    unproved: list[str] = Field(
        description="those of them that are not proved: nobody is found or linked by these", examples=[[]]
    )
    mapping: ClaimMapping
    mapped_by: str = Field(
        description="who has set the mapping: it gives no role above his, as he is now",
        examples=["ada@techcorp.com"],
    )
    enabled: bool = Field(description="whether people can come by it")
    callback: str = Field(
        description="the redirect URI to register at the provider; by SAML the URL of the ACS",
        examples=["https://spend.example.com/sign-in/sso/idp_9f86d081884c7d659a2f/callback"],
    )
    entity_id: str = Field(
        description="by SAML: what we are to it, its audience",
        examples=["https://spend.example.com/sign-in/sso/idp_9f86d081884c7d659a2f"],
    )
    people: int = Field(description="how many have come by it", examples=[42])
    created_at: datetime
    changed_at: datetime = Field(description="`ETag` is made of it")


class IdentityProviderListOut(Output):
    """All of the organization, by name."""

    model_config = ConfigDict(title="IdentityProviderList")

    providers: list[IdentityProviderOut]


class SignOnPolicyIn(Input):
    """Whether people must come by an identity provider, and with a second factor."""

    model_config = ConfigDict(title="NewSignOnPolicy")

    required: StrictBool = Field(description="true: a password lets in nobody but one", examples=[True])
    break_glass: Text | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="that one, an Org Admin with a password: for when the provider is away",
        examples=["usr_5d0c1f4e2b9a7c3d"],
    )
    second_factor: StrictBool = Field(
        default=False,
        description="true: who has given none, here or at the provider, looks after his own account alone",
        examples=[True],
    )


class SignOnPolicyOut(Output):
    """Whether people must come by an identity provider, and with a second factor."""

    model_config = ConfigDict(title="SignOnPolicy")

    required: bool
    second_factor: bool
    break_glass: str | None = Field(examples=["usr_5d0c1f4e2b9a7c3d"])
    changed_at: datetime | None = Field(description="null: nobody has set it yet")
