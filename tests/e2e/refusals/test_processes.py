"""A few of the refusals met by real processes, with a browser that is a process too."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.http.conftest import Script, Seen, hang_up, reply, send
from tests.adapters.http.far_platform import DEVICE, ONBOARDING, TOKEN
from tests.e2e.refusals import visitor
from tests.e2e.refusals.looking import nothing_shows, refused
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import PATIENCE, Ending, Somebody

DEAD = timedelta(hours=-1)


class Process:
    """Runs `dagctl`, and looks at all that it leaves behind."""

    def __init__(self, somebody: Somebody, environ: Mapping[str, str], notes: Path, port: int) -> None:
        self._somebody = somebody
        self._notes = notes
        browser = shlex.join([sys.executable, visitor.__file__, "%s"]).replace("'%s'", "%s")
        self._environ = {**environ, "BROWSER": browser, "VISITOR_NOTES": str(notes)}
        self._login = ("auth", "login", "--org", "acme", "--api-url", somebody.platform.api.url, "--port", str(port))

    def signs_in(self, *options: str) -> Ending:
        ending = self._somebody.where_said(self.runs("-m", "dagctl", *self._login, *options))
        if not options:
            noted = self._noted()
            ending.pages = [(status, text) for status, text in noted["pages"]]
            ending.others = "\n".join(noted["commands"])
            assert "auth login" in ending.others or not Path("/proc").exists()
        return ending

    def runs(self, *arguments: str) -> Ending:
        before = self._somebody.files()
        done = subprocess.run(
            [sys.executable, *arguments], env=self._environ, capture_output=True, text=True, timeout=120, check=False
        )
        return Ending(done.returncode, done.stdout, done.stderr, None, before, self._somebody.files())

    def _noted(self) -> Any:
        """What the browser has noted; it may end a moment later than `dagctl` does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                return json.loads(self._notes.read_text())
            except (FileNotFoundError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the browser did not come to an end")


@pytest.fixture
def process(
    somebody: Somebody, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory, callback_port: int
) -> Process:
    """See `Process`."""
    return Process(somebody, environ, tmp_path_factory.mktemp("browser") / "notes.json", callback_port)


GARBLED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nno header\r\n\x1b[31m: x\r\n\r\n{}"

SIGN_INS: dict[str, tuple[str, Script, str]] = {
    "invalid_grant": (TOKEN, reply(403, {"error": "invalid_grant"}), "HTTP status 403: invalid_grant"),
    "garbled headers": (TOKEN, send(GARBLED, then=hang_up), "HTTP status 400"),
    "another organization": (
        ONBOARDING,
        reply(200, {"onboarded": True, "organization": {"id": "org_globex", "name": "Globex"}}),
        "belongs to 'Globex'",
    ),
}


@pytest.mark.parametrize("case", SIGN_INS)
def test_a_sign_in(platform: ScriptedPlatform, process: Process, case: str) -> None:
    path, script, words = SIGN_INS[case]
    platform.answers[path] = script
    ending = process.signs_in()
    refused(platform, ending, words)
    assert [status for status, _ in ending.pages] == [403]


def test_an_id_token_of_another_sign_in(platform: ScriptedPlatform, process: Process) -> None:
    platform.claims = {"nonce": "another"}
    refused(platform, process.signs_in(), "another sign-in")


def test_a_client_without_the_device_grant(platform: ScriptedPlatform, process: Process) -> None:
    platform.answers[DEVICE] = reply(403, {"error": "unauthorized_client"})
    refused(platform, process.signs_in("--device"), "does not let this client sign in with a device code")


def test_a_device_code_that_is_refused(platform: ScriptedPlatform, process: Process) -> None:
    platform.answers[TOKEN] = reply(403, {"error": "access_denied"})
    ending = process.signs_in("--device")
    assert ending.err.startswith("Open ")
    ending.err = ending.err.partition("\n")[2]
    refused(platform, ending, "The sign-in was refused")


@pytest.mark.parametrize("command", ["token", "refresh"])
def test_a_session_that_has_ended(
    platform: ScriptedPlatform, somebody: Somebody, process: Process, command: str
) -> None:
    somebody.has_signed_in(left=DEAD)
    platform.answers[TOKEN] = reply(403, {"error": "invalid_grant"})
    ending = process.runs("-m", "dagctl", "auth", command)
    assert ending.before.pop("auth.json")
    refused(platform, ending, "Your session has ended", code=4)


def test_a_configuration_that_cannot_renew_its_token(
    platform: ScriptedPlatform, somebody: Somebody, process: Process
) -> None:
    somebody.has_signed_in(left=DEAD)

    def echo(wire: socket.socket, seen: Seen) -> None:
        reply(400, {"error_description": f"Cannot take {seen.body}"})(wire, seen)

    platform.answers[TOKEN] = echo
    logs = "import logging; logging.basicConfig(level=logging.DEBUG)"
    ending = process.runs("-c", f"{logs}; import dagctl; dagctl.get_fresh_token()")
    assert (ending.code, ending.out) == (1, "")
    assert ending.after == ending.before
    last = ending.err.splitlines()[-1]
    assert last.startswith("dagctl.domain.errors.Refused: ")
    assert "HTTP status 400: Cannot take" in last
    assert ending.err.count("Traceback") == 1
    nothing_shows(platform, ending)
