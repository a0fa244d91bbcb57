"""The search for token material finds what is planted, and a client that leaks, saves or chats is found out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from tests.adapters.http.conftest import Script, Seen, reply
from tests.adapters.http.far_platform import TOKEN
from tests.e2e.refusals.looking import leaks, nothing_shows, refused, without_url
from tests.e2e.refusals.material import LENGTH, Material
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Ending, Somebody

from dagctl.adapters import logged
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.http import answers
from dagctl.adapters.http.identity import HttpIdentityProvider
from dagctl.cli.app import App
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet


def test_a_piece_of_a_secret_is_found_wherever_it_is_from() -> None:
    material = Material()
    token = material.jwt("token", {"sub": "ada"})
    for part in token.split("."):
        for start in range(len(part) - LENGTH + 1):
            assert material.found_in(f"xy{part[start : start + LENGTH]}z") == {"token"}
        assert material.found_in(part[: LENGTH - 1]) == set()


def test_a_secret_is_found_in_disguise() -> None:
    material = Material()
    code = material.note("code", "4/ab_CD-" + "x" * 8 + "=z")
    assert material.found_in(quote(code, safe="")) == set()
    code = material.note("code", "4/ab_CD-" + "x" * 16)
    assert material.found_in(f"?code={quote(code, safe='')}&state=") == {"code"}
    assert material.found_in("nothing of it") == set()


def planted(**views: Any) -> Ending:
    return evolve(Ending(1, "", "dagctl: No.\n"), **views)


def with_note(token: str) -> DagctlError:
    error = DagctlError("No.")
    vars(error)["__notes__"] = [token]  # as Python 3.11's add_note does
    return error


def caused_by(error: BaseException | None) -> DagctlError:
    outer = DagctlError("No.")
    outer.__cause__ = error
    return outer


def raised_beside(token: str) -> BaseException | None:
    """An error from a frame that is not the tests' own, and has a token in a variable."""
    try:
        exec(compile("held = token; raise ValueError('No.')", "client.py", "exec"), {}, {"token": token})
    except ValueError as error:
        return error
    return None


PLANTED: dict[str, Callable[[str], Ending]] = {
    "stdout": lambda it: planted(out=it),
    "stderr": lambda it: planted(err=f"dagctl: {it} was refused.\n"),
    "the browser": lambda it: planted(pages=[(403, f"<p>{it}</p>")]),
    "the log": lambda it: planted(log=it),
    "the error": lambda it: planted(error=DagctlError(it)),
    "the error, its hint": lambda it: planted(error=DagctlError("No.", hint=it)),
    "the error, its note": lambda it: planted(error=with_note(it)),
    "the error, its cause": lambda it: planted(error=caused_by(ValueError(it))),
    "variables": lambda it: planted(error=raised_beside(it)),
    "variables, of the cause": lambda it: planted(error=caused_by(raised_beside(it))),
    "elsewhere": lambda it: planted(others=f"browser {it}"),
    "config.yaml": lambda it: planted(after={"config.yaml": (0o600, it.encode())}),
}


@pytest.mark.parametrize("view", PLANTED)
def test_what_is_planted_is_found(platform: ScriptedPlatform, view: str) -> None:
    token = platform.material.new("token")
    assert leaks(platform, PLANTED[view]("nothing")) == {}
    assert leaks(platform, PLANTED[view](token[5:30])) == {view.partition(",")[0]: {"token"}}


def test_a_name_of_a_file_is_looked_at_too(platform: ScriptedPlatform) -> None:
    token = platform.material.new("token")
    assert list(leaks(platform, planted(after={token: (0o600, b"")})).values()) == [{"token"}]


def test_tokens_may_be_where_they_are_kept(platform: ScriptedPlatform) -> None:
    token = platform.material.new("token").encode()
    assert leaks(platform, planted(after={"auth.json": (0o600, token)})) == {}


SENT: dict[str, tuple[str, Seen]] = {
    "in a query to the API": ("the far side", Seen("GET", "/?code=SECRET", {}, "")),
    "in a form to the API": ("the far side", Seen("POST", "/", {}, "token=SECRET")),
    "in a referrer to the API": ("the far side", Seen("GET", "/", {"referer": "/?code=SECRET"}, "")),
    "as a bearer token of the API": ("bearers", Seen("GET", "/", {"authorization": "Bearer SECRET"}, "")),
}


@pytest.mark.parametrize("where", SENT)
def test_what_is_sent_to_whom_it_is_not_for_is_found(platform: ScriptedPlatform, where: str) -> None:
    view, seen = SENT[where]
    token = platform.material.new("access token")
    headers = {name: value.replace("SECRET", token) for name, value in seen.headers.items()}
    platform.api.seen.append(
        evolve(
            seen,
            target=seen.target.replace("SECRET", token),
            headers=headers,
            body=seen.body.replace("SECRET", token),
        )
    )
    assert leaks(platform, planted()) == {view: {"access token"}}


def test_a_bearer_token_at_the_issuer_is_found(platform: ScriptedPlatform) -> None:
    token = platform.material.new("ID token")
    platform.issuer.seen.append(Seen("GET", "/", {"authorization": f"Bearer {token}"}, ""))
    assert leaks(platform, planted()) == {"the far side": {"ID token"}}


def test_the_authorization_url_alone_may_hold_state_and_nonce(platform: ScriptedPlatform, somebody: Somebody) -> None:
    ending = somebody.signs_in()
    assert leaks(platform, ending) == {}
    assert without_url(platform, ending.err) != ending.err
    for name in ("state", "nonce"):
        assert leaks(platform, evolve(ending, err=f"{ending.err}{platform.asked[name]}")) == {"stderr": {name}}


@pytest.mark.parametrize(
    ("option", "code", "call"), [("-v", 0, "INFO identity.exchange "), ("--device", 1, "INFO identity.poll_device ")]
)
def test_the_log_is_among_what_is_searched(
    platform: ScriptedPlatform, somebody: Somebody, tmp_path: Path, option: str, code: int, call: str
) -> None:
    ending = somebody.signs_in(option)
    assert ending.code == code
    file = (tmp_path / "dagctl.log").read_text()
    for line in (call, "INFO api.advertisement ", "DEBUG http POST ", "DEBUG tokens.lock "):
        assert line in file
        assert line.partition(" ")[2] in ending.log
        assert (line in ending.err) is (option == "-v" and line.startswith("INFO"))
    assert file in ending.others
    nothing_shows(platform, ending)


def test_the_log_of_a_configuration_is_among_what_is_searched(
    platform: ScriptedPlatform, somebody: Somebody, tmp_path: Path
) -> None:
    somebody.has_signed_in(left=timedelta(minutes=1))
    ending = somebody.fresh_token()
    assert ending.code == 0
    assert "INFO identity.refresh " in (tmp_path / "dagctl.log").read_text()
    assert platform.material.found_in(ending.out) >= {"access token"}  # which it is there to print
    ending.out = ""
    nothing_shows(platform, ending)


def talkative(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "words", lambda value, answer: value if isinstance(value, str) else "")


def logging_tokens(patch: pytest.MonkeyPatch) -> None:
    exchange = HttpIdentityProvider.exchange

    def log(self: HttpIdentityProvider, *args: Any) -> TokenSet:
        logging.getLogger("somewhere").debug("exchanging %s", [arg.reveal() for arg in args if isinstance(arg, Secret)])
        return exchange(self, *args)

    patch.setattr(HttpIdentityProvider, "exchange", log)


def logging_every_argument(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(logged, "_PARAMETERS", {"code"})
    patch.setattr(logged, "_text", lambda value: value.reveal()[:20] if isinstance(value, Secret) else str(value))


def logging_the_address(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(logged, "urlsplit", lambda url: SimpleNamespace(netloc=url.partition("&state=")[2][:20]))


def showing_secrets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Secret, "__repr__", Secret.reveal)


def saving_first(patch: pytest.MonkeyPatch) -> None:
    exchange = HttpIdentityProvider.exchange

    def save(self: HttpIdentityProvider, *args: Any) -> TokenSet:
        settings = FileSettingsStore(Path(os.environ["DAGCTL_HOME"]))
        settings.save(evolve(settings.load(), current_org="acme"))
        return exchange(self, *args)

    patch.setattr(HttpIdentityProvider, "exchange", save)


def saving_elsewhere(patch: pytest.MonkeyPatch) -> None:
    exchange = HttpIdentityProvider.exchange

    def save(
        self: HttpIdentityProvider, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str
    ) -> TokenSet:
        Path("verifier.txt").write_text(verifier.reveal())
        return exchange(self, platform, code, verifier, redirect_uri)

    patch.setattr(HttpIdentityProvider, "exchange", save)


def printing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(App, "say", lambda self, text: print(text, file=self.err) or print(text))


def in_colour(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(App, "say", lambda self, text: print(f"\x1b[31m{text}", file=self.err))


def in_detail(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(App, "say", lambda self, text: print(f"{text}\nTraceback (most recent call last):", file=self.err))


def with_the_code_in_the_address(patch: pytest.MonkeyPatch) -> None:
    exchange = HttpIdentityProvider.exchange

    def ask(self: HttpIdentityProvider, platform: Platform, code: Secret, *more: Any) -> TokenSet:
        self._transport.get(f"{platform.api_url}/?code={quote(code.reveal())}")
        return exchange(self, platform, code, *more)

    patch.setattr(HttpIdentityProvider, "exchange", ask)


@pytest.mark.parametrize(
    "fault",
    [
        talkative,
        logging_tokens,
        logging_every_argument,
        logging_the_address,
        showing_secrets,
        saving_first,
        saving_elsewhere,
        printing,
        in_colour,
        in_detail,
        with_the_code_in_the_address,
    ],
)
def test_a_faulty_client_is_found_out(
    platform: ScriptedPlatform,
    somebody: Somebody,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[pytest.MonkeyPatch], None],
) -> None:
    said = "HTTP status 400"
    echo: Script = lambda wire, seen: reply(400, {"message": seen.body})(wire, seen)  # noqa: E731
    platform.answers[TOKEN] = echo
    refused(platform, somebody.signs_in(), said)
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        refused(platform, somebody.signs_in(), said)
