"""The scripted person, as a function and as a `BROWSER`."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import pytest

from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox


class Callback(HTTPServer):
    """The client's side of a sign-in: what came back to it."""

    queries: list[dict[str, list[str]]]


class Handler(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        self.server.queries.append(parse_qs(urlsplit(self.path).query))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thank you")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def callback() -> Iterator[Callback]:
    """A loopback listener."""
    with Callback(("127.0.0.1", 0), Handler) as server:
        server.queries = []
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def place(callback: Callback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox where that listener is registered, and its home."""
    home = tmp_path_factory.mktemp("person")
    uri = f"http://localhost:{callback.server_port}/callback"
    with running_sandbox(SandboxOptions(redirect_uris=(uri,)), home=home) as sandbox:
        yield sandbox, home


def request(sandbox: Sandbox) -> str:
    parameters = {
        "client_id": sandbox.client_id,
        "response_type": "code",
        "redirect_uri": sandbox.options.redirect_uris[0],
        "scope": "openid",
        "audience": sandbox.api_url,
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        "state": "s",
    }
    return f"https://{sandbox.issuer_host}/authorize?{urlencode(parameters)}"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "code"),
        ({"email": "grace@acme.example"}, "code"),
        ({"deny": True}, "error"),
        ({"email": "eve@elsewhere.example"}, "error"),
    ],
)
def test_signs_in_through_the_real_pages(
    place: tuple[Sandbox, Path], callback: Callback, options: dict[str, Any], expected: str
) -> None:
    from dagctl.adapters.sandbox.person import sign_in

    sandbox, _ = place

    assert sign_in(request(sandbox), ca_file=sandbox.ca_file, **options) == "thank you"

    assert expected in callback.queries[-1]
    assert callback.queries[-1]["state"] == ["s"]


def person(environ: Mapping[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dagctl.adapters.sandbox.person", *args]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("args", "expected"), [(["--user", "grace@acme.example"], "code"), (["--deny"], "error")])
def test_is_a_browser_command(
    place: tuple[Sandbox, Path], callback: Callback, environ: dict[str, str], args: list[str], expected: str
) -> None:
    sandbox, home = place

    done = person({**environ, "DAGCTL_HOME": str(home)}, request(sandbox), *args)

    assert (done.returncode, done.stderr) == (0, "")
    assert expected in callback.queries[-1]


def test_what_fails_is_said_in_a_sentence(environ: dict[str, str], place: tuple[Sandbox, Path]) -> None:
    sandbox, home = place

    gone = person({**environ, "DAGCTL_HOME": str(home)}, "https://localhost:1/authorize")
    refused = person({**environ, "DAGCTL_HOME": str(home)}, f"https://{sandbox.issuer_host}/authorize")
    no_authority = person(environ, request(sandbox))

    for done in (gone, refused, no_authority):
        assert done.returncode == 1
        assert done.stderr.startswith("The sign-in has failed: ")
        assert len(done.stderr.splitlines()) == 1


def test_connects_a_device_too(place: tuple[Sandbox, Path]) -> None:
    from dagctl.adapters.sandbox.person import sign_in

    sandbox, _ = place
    form = {"client_id": sandbox.client_id, "audience": sandbox.api_url, "scope": "openid"}
    trust = ssl.create_default_context(cafile=str(sandbox.ca_file))
    with urlopen(f"https://{sandbox.issuer_host}/oauth/device/code", urlencode(form).encode(), context=trust) as answer:
        address = json.load(answer)["verification_uri_complete"]

    assert "Connected" in sign_in(address, ca_file=sandbox.ca_file)
