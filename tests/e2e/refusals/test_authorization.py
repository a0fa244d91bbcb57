"""What comes back from the issuer's page: errors, and answers that are not to this sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.adapters.http.far_platform import TOKEN
from tests.e2e.refusals.looking import nothing_shows, refused, without_url
from tests.e2e.refusals.material import ABSENT
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Ending, Somebody

ERRORS = {
    "access_denied": "  If you did not refuse it yourself, ask",
    "login_required": "  Start the sign-in again, and finish the steps on the page",
    "consent_required": "  Start the sign-in again, and finish the steps on the page",
    "interaction_required": "  Start the sign-in again, and finish the steps on the page",
    "invalid_request": "",
    "invalid_scope": "  Check auth0_domain and auth0_client_id",
    "unauthorized_client": "  Check auth0_domain and auth0_client_id",
    "unsupported_response_type": "  Check auth0_domain and auth0_client_id",
    "server_error": "  Try again",
    "temporarily_unavailable": "  Try again",
    "an_error_of_its_own": "",
}


@pytest.mark.parametrize(
    ("error", "description"), [*((error, "") for error in ERRORS), ("access_denied", "The issuer's own words.")]
)
def test_an_error(platform: ScriptedPlatform, somebody: Somebody, error: str, description: str) -> None:
    platform.callback = lambda it: {**it, "code": ABSENT, "error": error, "error_description": description or ABSENT}
    ending = somebody.signs_in()
    words = rf"The issuer's own words \({error}\)" if description else error
    refused(platform, ending, rf"^dagctl: The issuer refused the sign-in: {words}\.\n{ERRORS[error]}")
    assert [status for status, _ in ending.pages] == [403]
    assert TOKEN not in platform.paths(platform.issuer)


HOSTILE: dict[str, Callable[[ScriptedPlatform], Any]] = {
    "control characters": lambda it: "a\0b\x07c\x08d\x7fe\x9b31mf",
    "escape sequences": lambda it: "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "lines": lambda it: "first\r\ndagctl: second.\n  third\u2028fourth\x0bfifth",
    "HTML": lambda it: "<script>alert(1)</script><img src=//evil.example onerror=x>&quot;",
    "60 kB": lambda it: "long " * 12_000,
    "right to left": lambda it: "\u202egnp.exe\u2066\u200f\u200b",
    "not UTF-8": lambda it: b"\xff\xfe\xed\xa0\x80",
    "blanks": lambda it: " \t\r\n ",
    "dots": lambda it: "....",
    "a token": lambda it: f"Was it {it.material.jwt('token', {'sub': 'x' * 30})}, or {it.material.jwt('token', {})}?",
}


@pytest.mark.parametrize("member", ["error", "error_description"])
@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words(platform: ScriptedPlatform, somebody: Somebody, words: str, member: str) -> None:
    hostile = HOSTILE[words](platform)
    platform.callback = lambda it: {**it, "code": ABSENT, "error": "access_denied", member: hostile}
    ending = somebody.signs_in()
    refused(platform, ending, r"^dagctl: The issuer refused the sign-in: [^ ].*[^ .]\.\n")
    ((status, page),) = ending.pages
    assert status == 403
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page


FORGED: dict[str, Callable[[dict[str, str]], Any]] = {
    "another state": lambda it: {**it, "state": "guessed"},
    "no state": lambda it: {**it, "state": ABSENT},
    "an empty state": lambda it: {**it, "state": ""},
    "a state that is not ASCII": lambda it: {**it, "state": "ünï\0"},
    "a longer state": lambda it: {**it, "state": it["state"] + "A"},
    "a state twice": lambda it: [*it.items(), ("state", it["state"])],
    "two states": lambda it: [*it.items(), ("state", "guessed")],
    "a code twice": lambda it: [*it.items(), ("code", it["code"])],
    "another issuer": lambda it: {**it, "iss": "https://evil.example/"},
    "an issuer without its slash": lambda it: {**it, "iss": it["iss"].rstrip("/")},
    "an issuer in capitals": lambda it: {**it, "iss": it["iss"].upper()},
    "no issuer": lambda it: {**it, "iss": ABSENT},
    "an issuer twice": lambda it: [*it.items(), ("iss", it["iss"])],
    "a code and an error": lambda it: {**it, "error": "access_denied"},
    "no code": lambda it: {**it, "code": ABSENT},
    "an empty code": lambda it: {**it, "code": ""},
    "an error with another state": lambda it: {"error": "access_denied", "state": "guessed", "iss": it["iss"]},
    "nothing": lambda it: {},
    "too much": lambda it: [*it.items(), *((f"x{number}", "") for number in range(100))],
}


def denial(it: dict[str, str]) -> dict[str, Any]:
    return {**it, "code": ABSENT, "error": "access_denied"}


def test_what_does_not_answer_this_sign_in_is_turned_away(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.before = list(FORGED.values())
    platform.callback = denial
    ending = somebody.signs_in()
    refused(platform, ending, "access_denied")
    assert [status for status, _ in ending.pages] == [400] * len(FORGED) + [403]
    assert all("Not the answer" in page for _, page in ending.pages[:-1])
    assert TOKEN not in platform.paths(platform.issuer)


def test_an_answer_that_is_longer_than_an_address_can_be_is_turned_away(
    platform: ScriptedPlatform, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("http.client._MAXLINE", 1 << 20)  # a real browser takes it
    platform.before = [lambda it: {**denial(it), "error_description": "y" * 100_000}]
    platform.callback = denial
    ending = somebody.signs_in()
    refused(platform, ending, "access_denied")
    assert [status for status, _ in ending.pages] == [414, 403]


@pytest.mark.parametrize("forgery", ["another state", "no issuer"])
def test_nothing_but_forgeries_ends_with_the_patience(
    platform: ScriptedPlatform, somebody: Somebody, forgery: str
) -> None:
    platform.callback = FORGED[forgery]
    ending = somebody.signs_in("--timeout", "1")
    refused(platform, ending, "The sign-in was not finished within 1 seconds.\n.*--timeout")
    assert TOKEN not in platform.paths(platform.issuer)


def test_an_error_that_is_pasted(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.callback = denial
    ending = somebody.pastes(lambda address: f"{address}\n")
    _refused_at_the_prompt(platform, ending, "The issuer refused the sign-in: access_denied")


PASTED: dict[str, tuple[Callable[[str], str], str]] = {
    "nothing": (lambda address: "\n", "You pasted nothing"),
    "another state": (lambda address: f"{address.replace('state=', 'state=x')}\n", "answers another sign-in"),
    "half of it": (lambda address: f"{address.partition('&state')[0]}\n", "Paste the whole address"),
    "a state twice": (lambda address: f"{address}&state=x\n", "Paste the whole address"),
    "another place": (
        lambda address: f"{address.replace('localhost', 'evil.example')}\n",
        "Paste the whole address",
    ),
    "escapes": (lambda address: "\x1b[2J\x1b[31m\n", "Paste the whole address"),
}


@pytest.mark.parametrize("pasted", PASTED)
def test_what_is_pasted_and_is_no_answer(platform: ScriptedPlatform, somebody: Somebody, pasted: str) -> None:
    types, words = PASTED[pasted]
    ending = somebody.pastes(types)
    assert ending.err.count(words) == 5
    said = "None of the 5 pasted texts answers this sign-in.*\n  Start the sign-in again"
    _refused_at_the_prompt(platform, ending, said)
    assert TOKEN not in platform.paths(platform.issuer)


def _code_in(address: str) -> str:
    return f"{parse_qs(urlsplit(address).query)['code'][0]}\n"


def test_the_code_is_pasted_alone(platform: ScriptedPlatform, somebody: Somebody) -> None:
    ending = somebody.pastes(_code_in)
    assert ending.code == 0
    assert "Signed in to" in ending.out


def test_nobody_who_could_paste(platform: ScriptedPlatform, somebody: Somebody) -> None:
    _refused_at_the_prompt(platform, somebody.pastes(lambda address: ""), "The question was not answered")


def _refused_at_the_prompt(platform: ScriptedPlatform, ending: Ending, words: str) -> None:
    """As `refused`, below what was asked: the prompts and what was said to each answer."""
    nothing_shows(platform, ending)
    assert without_url(platform, ending.err).startswith("Open this address in a browser on any machine")
    ending.err = f"dagctl: {ending.err.partition('dagctl: ')[2]}"
    refused(platform, ending, words)
