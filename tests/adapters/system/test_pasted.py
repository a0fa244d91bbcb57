"""Copy and paste, for a browser that is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dagctl.adapters.system.pasted import TRIES, PastedBrowser
from dagctl.cli.cures import cure
from dagctl.domain.errors import NeedsTerminal, SignInFailed, SignInTimedOut
from dagctl.ports.browser import Page, Query, TypedCode

CODE = "s3cret-c0de"
ANSWER = {"code": CODE, "state": "good"}


def accept(query: Query) -> bool:
    return query.get("state") == "good"


class Person:
    """Types what they were told to, and remembers what they were shown."""

    def __init__(self, *typed: str) -> None:
        self._typed: Iterator[str] = iter(typed)
        self.asked = 0
        self.shown: list[str] = []

    def ask(self, prompt: str, seconds: float) -> str:
        self.asked += 1
        for line in self._typed:
            return line
        raise EOFError

    def answers(self, accept: Callable[[Query], bool] = accept) -> Query:
        with PastedBrowser(ask=self.ask, announce=self.shown.append).listen(accept) as visit:
            query = visit.wait(300)
            visit.show(Page(True, "Signed in", "Well done."))
        return query


def test_the_address_is_shown_with_what_to_do() -> None:
    person = Person()
    with PastedBrowser(ask=person.ask, announce=person.shown.append).listen(accept) as visit:
        assert visit.redirect_uri == "http://localhost:8080/callback"
        visit.open("https://issuer.example/authorize?state=good")
    (told,) = person.shown
    assert "https://issuer.example/authorize?state=good" in told
    assert "http://localhost:8080/callback" in told


@pytest.mark.parametrize(
    "pasted",
    [
        f"http://localhost:8080/callback?code={CODE}&state=good",
        f"  http://localhost:8080/callback?code={CODE}&state=good \r",
        f"localhost:8080/callback?code={CODE}&state=good",
        f"'http://localhost:8080/callback?code={CODE}&state=good'",
        f'"http://localhost:8080/callback?code={CODE}&state=good"',
        f"<http://localhost:8080/callback?code={CODE}&state=good>",
        f"http://localhost:8080/callback?code={CODE}&state=good#",
        f"http://localhost:8080/callback?code={CODE}&state=good#_=_",
        f"?code={CODE}&state=good",
        f"code={CODE}&state=good",
        f"state=good&code={CODE}",
    ],
)
def test_whatever_of_the_address_was_copied(pasted: str) -> None:
    person = Person(pasted)
    assert person.answers() == ANSWER
    assert person.shown == []


def test_a_refusal_of_the_issuer_is_an_answer_too() -> None:
    query = Person("http://localhost:8080/callback?error=access_denied&state=good").answers()
    assert query["error"] == "access_denied"


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        ("", "You pasted nothing"),
        ("hello", "whole address"),
        ("localhost:8080/callback", "whole address"),
        ("no idea what to paste here", "whole address"),
        (f"http://localhost:8080/callback?code={CODE}", "whole address"),
        ("http://localhost:8080/callback", "whole address"),
        (f"code={CODE}&code={CODE}&state=good", "whole address"),
        (f"https://evil.example/callback?code={CODE}&state=good", "starts with http://localhost:8080/callback"),
        (f"http://localhost:9/callback?code={CODE}&state=good", "starts with http://localhost:8080/callback"),
        (f"http://localhost:8080/callback?code={CODE}&state=other", "another sign-in"),
        (f"https://issuer.example/authorize?code_challenge={CODE}&state=x", "address to open"),
    ],
)
def test_something_else_is_explained_and_asked_for_again(pasted: str, why: str) -> None:
    person = Person(pasted, f"code={CODE}&state=good")
    assert person.answers() == ANSWER
    assert why in person.shown[0]
    assert CODE not in person.shown[0]


@pytest.mark.parametrize("pasted", ["{}", "  {}\r", "'{}'", "{}#"])
@pytest.mark.parametrize("code", ["4/Ab0-_.~Ab0-_.~+=", "4%2FAb0-_.~Ab0-_.~%2B%3D"])
def test_the_code_by_itself(pasted: str, code: str) -> None:
    answer = Person(pasted.format(code)).answers(accept=lambda query: isinstance(query, TypedCode))
    assert answer == {"code": "4/Ab0-_.~Ab0-_.~+="}


def test_what_has_more_in_it_than_a_code_counts_as_an_address() -> None:
    answer = Person("code=Ab0-_.~Ab0-_.~", f"code={CODE}&state=good").answers()
    assert answer == ANSWER


def test_nothing_is_pasted_in_time() -> None:
    left: list[float] = []

    def ask(prompt: str, seconds: float) -> str:
        left.append(seconds)
        if len(left) > 1:
            raise TimeoutError
        return "something else"

    with (
        PastedBrowser(ask=ask, announce=lambda text: None).listen(accept) as visit,
        pytest.raises(SignInTimedOut, match="within 7 seconds"),
    ):
        visit.wait(7)
    assert 7 >= left[0] >= left[1] >= 0


def test_it_is_called_off_in_the_end() -> None:
    person = Person(*[f"code={CODE}&state=wrong"] * 9)
    with pytest.raises(SignInFailed) as caught:
        person.answers()
    assert person.asked == TRIES
    assert CODE not in str(caught.value)


def test_nobody_is_there() -> None:
    with pytest.raises(NeedsTerminal) as caught:
        Person().answers()
    assert cure(caught.value) is not None


def test_nobody_is_there_as_the_command_line_puts_it() -> None:
    def ask(prompt: str, seconds: float) -> str:
        raise NeedsTerminal("The question was not answered.")

    with (
        PastedBrowser(ask=ask, announce=lambda text: None).listen(accept) as visit,
        pytest.raises(NeedsTerminal, match="not answered"),
    ):
        visit.wait(300)
