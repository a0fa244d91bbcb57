"""Which proxy is taken, what decides it, and what people are told of it."""

from __future__ import annotations

import sys
import urllib.request

import pytest
from tests.adapters.http.conftest import World

from dagctl.adapters.http.proxies import way_to

PROXY = {"HTTPS_PROXY": "http://proxy:1"}
URL = "https://api.example.test/path"


@pytest.mark.parametrize(
    ("exceptions", "url", "excepted"),
    [
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.0.0.1/8", "https://10.9.9.9/", True),
        ("10.1.2.3", "https://10.1.2.3/", True),
        ("2.3", "https://10.1.2.3/", False),
        ("fd00::/8", "https://[fd12::1]/", True),
        ("[fd12::1]", "https://[fd12::1]/", True),
        ("fd12::1", "https://[fd12::1]/", True),
        ("[fd12::1]:8443", "https://[fd12::1]/", False),
        ("fd00::/8", "https://10.1.2.3/", False),
        ("a.test b.test\texample.test", URL, True),
        ("a.test, example.test", URL, True),
        (".example.test", URL, True),
        (".example.test", "https://example.test/", True),
        ("ample.test", URL, False),
        ("EXAMPLE.test", URL, True),
        ("example.test", "https://api.example.test./", True),
        ("example.test:443", URL, True),
        ("example.test:8443", URL, False),
        ("example.test:8443", "https://api.example.test:8443/", True),
        ("a.test,*", URL, True),
        ("", URL, False),
        (" , ", URL, False),
        (".", URL, False),
        ("10.0.0.0/99", "https://10.1.2.3/", False),
    ],
)
def test_what_is_excepted(exceptions: str, url: str, excepted: bool) -> None:
    expected = (None, "no_proxy") if excepted else ("http://proxy:1", "HTTPS_PROXY")
    assert way_to(url, {**PROXY, "no_proxy": exceptions}) == expected


@pytest.fixture(params=[("win32", "registry", "Windows' settings"), ("darwin", "macosx_sysconf", "macOS' settings")])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine whose settings name a proxy, and except one host."""
    name, kind, source = request.param
    monkeypatch.setattr(sys, "platform", name)
    monkeypatch.setattr(urllib.request, f"getproxies_{kind}", lambda: {"https": "http://settings:1"}, raising=False)
    monkeypatch.setattr(urllib.request, f"proxy_bypass_{kind}", lambda host: host == "own.example.test", raising=False)
    return str(source)


def test_the_systems_settings_come_after_the_environments(system: str) -> None:
    assert way_to(URL, {}) == ("http://settings:1", system)
    assert way_to("https://own.example.test/", {}) == (None, system)
    assert way_to(URL, PROXY) == ("http://proxy:1", "HTTPS_PROXY")
    assert way_to("https://own.example.test/", PROXY) == ("http://proxy:1", "HTTPS_PROXY")
    assert way_to(URL, {"https_proxy": ""}) == (None, "https_proxy")
    assert way_to(URL, {"NO_PROXY": "example.test"}) == (None, "NO_PROXY")
    assert way_to("http://api.example.test/", {}) == (None, "")
    assert way_to("https://localhost:1/", {}) == (None, "")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"HTTPS_PROXY": "{proxy}"}, "through the proxy from HTTPS_PROXY"),
        ({"ALL_PROXY": "{proxy}", "NO_PROXY": "other.test"}, "through the proxy from ALL_PROXY"),
    ],
)
def test_the_way_is_told_with_the_handshake(environ: dict[str, str], told: str, world: World) -> None:
    from dagctl.adapters.http.transport import Transport
    from dagctl.adapters.http.trust import Trust

    far = world.serve(tls=world.server_context("api.example.test"))
    way = world.proxy(far)
    named = {name: value.format(proxy=way.url) for name, value in environ.items()}
    transport = Transport(Trust(world.ca_file), way=lambda url: way_to(url, named))
    shown = transport.tls_of("https://api.example.test/")
    assert shown is not None
    assert shown.trusted_by is not None
    assert shown.trusted_by.endswith(f", {told}")
