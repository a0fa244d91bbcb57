"""A real browser: headless Chromium, which talks to this machine and to nothing else."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

StartChromium = Callable[..., "Chrome"]

QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)


@pytest.fixture
def start_chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartChromium]:
    """Start Chromium with a fresh profile: `start_chromium(certificates=[…], arguments=[…])`.

    `certificates`, in PEM as `ssl.get_server_certificate` gives them, are trusted though no authority of
    Chromium's vouches for them; all others are verified. The browser is closed when the test ends.
    """
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("Chromium is not installed: it takes both chromium and chromedriver")
    pytest.importorskip("selenium", reason="Chromium cannot be driven: selenium is not installed")
    for name in ("NO_PROXY", "no_proxy"):  # selenium would look for chromedriver behind a proxy
        monkeypatch.setenv(name, "localhost,127.0.0.1,::1")
    with ExitStack() as stack:

        def start(*, certificates: Iterable[str] = (), arguments: Iterable[str] = ()) -> Chrome:
            from selenium.webdriver import Chrome, ChromeOptions
            from selenium.webdriver.chrome.service import Service

            options = ChromeOptions()
            options.binary_location = chromium
            options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
            pins = ",".join(map(_pin, certificates))
            for argument in (
                *QUIET,
                f"--user-data-dir={tmp_path / 'chromium'}",
                *([f"--ignore-certificate-errors-spki-list={pins}"] if pins else []),
                *arguments,
            ):
                options.add_argument(argument)
            driver = Chrome(options=options, service=Service(chromedriver))
            stack.callback(driver.quit)
            driver.set_page_load_timeout(60)
            return driver

        yield start


@pytest.fixture
def chromium(start_chromium: StartChromium) -> Chrome:
    """Chromium as it comes."""
    return start_chromium()


def _pin(certificate: str) -> str:
    """The SHA-256 of a certificate's public key (RFC 7469 section 2.4)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import load_pem_x509_certificate

    key = load_pem_x509_certificate(certificate.encode()).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()
