"""A person signs in with real Chromium: on the sandbox's page, and back to the loopback listener."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from tests.e2e.conftest import StartChromium

    from dagctl.adapters.sandbox import Sandbox

PICTURES = os.environ.get("DAGCTL_TEST_PICTURES")
"""A folder to put screenshots into, for whoever wants to look."""


@pytest.fixture
def chromium_for(start_chromium: StartChromium, sandbox: Sandbox) -> StartChromium:
    """Chromium that trusts the sandbox's certificate."""
    host, _, port = sandbox.issuer_host.partition(":")
    certificate = ssl.get_server_certificate((host, int(port)))
    return lambda **options: start_chromium(certificates=[certificate], **options)


@contextmanager
def signing_in(
    sandbox: Sandbox, environ: dict[str, str], port: int, org: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`dagctl auth login` as a process, and the address that it shows."""
    command = [sys.executable, "-m", "dagctl", "auth", "login", "--org", org, "--api-url", sandbox.api_url]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        env={**environ, "BROWSER": "none", "SSL_CERT_FILE": str(sandbox.ca_bundle)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        url = next(line.strip() for line in process.stderr if line.strip().startswith("https://"))
        yield process, url
        process.kill()


def back_at(driver: Chrome, port: int) -> None:
    """Wait until the browser has come back to the listener and shows what it answers."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(driver, 30).until(lambda shown: shown.current_url.startswith(f"http://localhost:{port}/"))
    WebDriverWait(driver, 30).until(lambda shown: shown.execute_script("return document.readyState") == "complete")


def shown(driver: Chrome, name: str) -> str:
    """The text of the page; and its picture, where pictures are wanted."""
    if PICTURES:
        driver.save_screenshot(str(Path(PICTURES) / f"{name}.png"))
    return str(driver.find_element("css selector", "main").text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in(
    chromium_for: StartChromium, sandbox: Sandbox, environ: dict[str, str], callback_port: int, home: Path, scheme: str
) -> None:
    driver = chromium_for(arguments=["--window-size=900,800"])
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    with signing_in(sandbox, environ, callback_port, "acme") as (process, url):
        driver.get(url)
        assert "Sign in to acme" in shown(driver, f"login-{scheme}")
        driver.find_element("css selector", "input[value='grace@acme.example']").click()
        driver.find_element("css selector", "button[value=allow]").click()
        back_at(driver, callback_port)
        text = shown(driver, f"signed-in-{scheme}")
        assert process.wait(30) == 0
        assert process.communicate()[0] == "Signed in to acme as grace@acme.example.\n"
    assert "You are signed in to acme as grace@acme.example" in text
    assert driver.current_url.startswith(f"http://localhost:{callback_port}/callback?")
    assert (home / "auth.json").exists()


def test_refusing(
    chromium_for: StartChromium, sandbox: Sandbox, environ: dict[str, str], callback_port: int, home: Path
) -> None:
    driver = chromium_for()
    with signing_in(sandbox, environ, callback_port, "acme") as (process, url):
        driver.get(url)
        driver.find_element("css selector", "button[value=deny]").click()
        back_at(driver, callback_port)
        text = shown(driver, "refused")
        assert process.wait(30) == 1
        assert "access_denied" in process.communicate()[1]
    assert "Not signed in" in text
    assert not (home / "auth.json").exists()


def test_the_page_tells_that_the_organization_is_another(
    chromium_for: StartChromium, sandbox: Sandbox, environ: dict[str, str], callback_port: int, home: Path
) -> None:
    driver = chromium_for()
    with signing_in(sandbox, environ, callback_port, "<b>other</b>") as (process, url):
        driver.get(url)
        driver.find_element("css selector", "button[value=allow]").click()
        back_at(driver, callback_port)
        text = shown(driver, "other-organization")
        assert process.wait(30) == 1
    assert "belongs to 'acme', not to '<b>other</b>'" in text
    assert not (home / "auth.json").exists()
