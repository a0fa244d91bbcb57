"""A client of the sandbox that shares no code with dagctl's own: plain requests, and what a person would click."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import Message
from functools import partial
from html.parser import HTMLParser
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import pytest
from attrs import frozen
from tests.conftest import signed

from dagctl.adapters.sandbox import Sandbox
from dagctl.adapters.system.clock import SystemClock

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://localhost:8080/callback"


@frozen
class Answer:
    """An HTTP answer."""

    status: int
    headers: Message
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def query(self) -> dict[str, str]:
        """The query of where a redirect leads."""
        assert self.status == 303, self
        return {name: value for name, (value,) in parse_qs(urlsplit(self.headers["Location"]).query).items()}


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class Client:
    """Somebody who speaks OAuth 2.0 with a sandbox by hand."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.issuer = f"https://{sandbox.issuer_host}"
        trust = ssl.create_default_context(cafile=str(sandbox.ca_file))
        self._opener = build_opener(HTTPSHandler(context=trust), ProxyHandler({}), _NoRedirect())

    def send(self, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request; redirects are not followed."""
        request = Request(url, data, dict(headers or {}))
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def post(self, path: str, **form: str) -> Answer:
        """A form, posted to the issuer."""
        return self.send(f"{self.issuer}{path}", urlencode(form).encode())

    def authorize(self, **changes: str | None) -> Answer:
        """The authorization endpoint; None takes a parameter away."""
        return self.send(f"{self.issuer}/authorize?{urlencode(self.request(**changes))}")

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request."""
        standard = {
            "client_id": self.sandbox.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": "openid profile email offline_access",
            "audience": self.sandbox.api_url,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "a state & more",
            "nonce": "a nonce",
        }
        return {name: value for name, value in {**standard, **changes}.items() if value is not None}

    def sign_in(self, email: str | None = None, *, decision: str = "allow", **changes: str | None) -> Answer:
        """Fill in the page as it came; the answer leads back to the client."""
        page = self.authorize(**changes)
        assert page.status == 200, page
        fields = form_fields(page.body)
        return self.post("/authorize", **{**fields, "decision": decision, **({"email": email} if email else {})})

    def code(self, email: str | None = None) -> str:
        """A fresh authorization code."""
        return self.sign_in(email).query["code"]

    def exchange(self, code: str, **changes: str) -> Answer:
        """The token endpoint, with a code."""
        standard = {
            "grant_type": "authorization_code",
            "client_id": self.sandbox.client_id,
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT,
        }
        return self.post("/oauth/token", **{**standard, **changes})

    def tokens(self, email: str | None = None) -> dict[str, Any]:
        """Tokens of a fresh sign-in."""
        answer = self.exchange(self.code(email))
        assert answer.status == 200, answer
        return dict(answer.json)

    def refresh(self, token: str) -> Answer:
        """The token endpoint, with a refresh token."""
        return self.post(
            "/oauth/token", grant_type="refresh_token", client_id=self.sandbox.client_id, refresh_token=token
        )

    def api(self, path: str, token: str | None, organization: str | None = None) -> Answer:
        """The management API."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        if organization is not None:
            headers["X-Organization-ID"] = organization
        return self.send(f"{self.sandbox.api_url}{path}", headers=headers)


class Ahead(SystemClock):
    """A clock that is so many seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return super().monotonic() + self._seconds


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "input" and (found.get("type") != "radio" or "checked" in found):
            self.found[found["name"]] = found.get("value", "")


def form_fields(page: str) -> dict[str, str]:
    """What a page's form would send."""
    parser = _Fields()
    parser.feed(page)
    return parser.found


def claims(token: str) -> dict[str, Any]:
    """What a JWT says; nothing is verified."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """A client of the shared sandbox."""
    return Client(sandbox)


@pytest.fixture(scope="session")
def tokens(sandbox: Sandbox) -> dict[str, Any]:
    """Ada's tokens, for whoever only reads."""
    return Client(sandbox).tokens()


@pytest.fixture
def forge(sandbox: Sandbox) -> Callable[..., str]:
    """Tokens that the issuer has really signed, with other claims than it would: `forge(exp=…, aud=…)`."""
    return partial(signed, sandbox)


@pytest.fixture
def later(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Has the platform's clock be so many seconds ahead."""
    return lambda seconds: monkeypatch.setattr(sandbox.platform, "clock", Ahead(seconds))


@pytest.fixture
def new_client() -> Callable[[Sandbox], Client]:
    """A client of a sandbox of the test's own."""
    return Client


@pytest.fixture
def read_claims() -> Callable[[str], dict[str, Any]]:
    """What a JWT says."""
    return claims


@pytest.fixture
def sandbox_home(tmp_path: Path) -> Path:
    """A dagctl home for a sandbox of the test's own."""
    return tmp_path / "home"
