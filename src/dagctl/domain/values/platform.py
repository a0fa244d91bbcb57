"""A platform: its API, its issuer, its PG proxy, and what each call to it needs."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import field, frozen

from dagctl.domain.errors import SettingUnusable
from dagctl.domain.values.secret import Secret, secret

HOSTED_API_URL = "https://api.dagctl.io"
HOSTED_ISSUER_HOST = "dagctl-us-1.us.auth0.com"
HOSTED_CLIENT_ID = "JxXl18ostdRfEpnLkgcv2i2DfcdjOChI"
REDIRECT_URI = "http://localhost:8080/callback"
SCOPE = "openid profile email offline_access"

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@frozen
class Platform:
    """A platform as a client sees it.

    Attributes:
        api_url: the management API, without a trailing slash; also the audience of the access token.
        issuer_host: the OpenID Connect issuer's host, with its port unless that is 443.
        client_id: the public client's ID at that issuer.
    """

    api_url: str = HOSTED_API_URL
    issuer_host: str = HOSTED_ISSUER_HOST
    client_id: str = HOSTED_CLIENT_ID

    @property
    def issuer(self) -> str:
        """The issuer identifier, as in `iss`."""
        return f"https://{self.issuer_host}/"  # Auth0's end in a slash, and the comparison is to the letter

    @property
    def local(self) -> bool:
        """Whether it runs on this machine, so is a sandbox."""
        return urlsplit(self.api_url).hostname in LOOPBACK_HOSTS


@frozen
class ApiAccess:
    """What a call to the management API carries.

    Attributes:
        api_url: the API that the token was issued for.
        id_token: the bearer token.
        organization_id: for calls on behalf of an organization.
    """

    api_url: str
    id_token: Secret = field(converter=secret)
    organization_id: str | None = None


@frozen
class Organization:
    """An organization: its ID and its name."""

    id: str
    name: str

    def is_called(self, wanted: str) -> bool:
        """Whether `wanted` is its ID, or its name in any case and any Unicode normalization form."""
        return wanted == self.id or folded(wanted) == folded(self.name)


@frozen
class Project:
    """A project: its ID and its name."""

    id: str
    name: str


@frozen
class StateProxy:
    """The proxy in front of the state database: host and TCP port."""

    host: str
    port: int = 5432

    @property
    def usable(self) -> bool:
        """Whether the host is one host name or address: libpq would also accept the path of a socket, or a list."""
        return 0 < self.port < 65536 and re.fullmatch(r"[A-Za-z0-9._:-]+", self.host) is not None


@frozen
class Advertisement:
    """What an API says about its issuer (RFC 9728).

    Attributes:
        issuer_host: host of its authorization server, with its port unless that is 443.
        client_id: the public client's ID there; None if the API does not say.
    """

    issuer_host: str
    client_id: str | None = None


def folded(name: str) -> str:
    """`name` in the form to compare with other names, without regard to case (Unicode 3.13, D145)."""
    if name.isascii():
        return name.lower()
    from unicodedata import normalize

    return normalize("NFC", normalize("NFC", name).casefold())


def canonical_api_url(url: str) -> str:
    """`url` without a trailing slash, if it is valid.

    Raises:
        SettingUnusable: it is not an https URL. Only the loopback interface may use plain http.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise SettingUnusable(f"The API URL {url!r} is not an https URL like {HOSTED_API_URL}.")
    if parts.username or parts.password:
        raise SettingUnusable(f"The API URL for {parts.hostname} must not hold a user name or a password.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise SettingUnusable(
            f"The API URL {url!r} would send tokens in the clear: use https://{parts.netloc}{parts.path}."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def default_state_proxy(api_url: str) -> StateProxy:
    """The PG proxy to assume for an API that does not name one."""
    host = urlsplit(api_url).hostname or ""
    if host.startswith("api."):
        return StateProxy(f"pg-proxy.{host.removeprefix('api.')}")
    return StateProxy("localhost")
