"""Copy and paste, for a browser that is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dagctl.adapters.system.pasted import TRIES, PastedBrowser
from dagctl.domain.errors import NeedsTerminal, SignInFailed
from dagctl.ports.browser import Page, Query

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

    def ask(self, prompt: str) -> str:
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
        ("", "Nothing was pasted"),
        (CODE, "whole address"),
        (f"http://localhost:8080/callback?code={CODE}", "whole address"),
        ("http://localhost:8080/callback", "whole address"),
        (f"code={CODE}&code={CODE}&state=good", "whole address"),
        (f"https://evil.example/callback?code={CODE}&state=good", "begins with http://localhost:8080/callback"),
        (f"http://localhost:9/callback?code={CODE}&state=good", "begins with http://localhost:8080/callback"),
        (f"http://localhost:8080/callback?code={CODE}&state=other", "another sign-in"),
        (f"https://issuer.example/authorize?code_challenge={CODE}&state=x", "address to open"),
    ],
)
def test_something_else_is_explained_and_asked_for_again(pasted: str, why: str) -> None:
    person = Person(pasted, f"code={CODE}&state=good")
    assert person.answers() == ANSWER
    assert why in person.shown[0]
    assert CODE not in person.shown[0]


def test_a_bare_code_where_that_will_do() -> None:
    assert Person(CODE).answers(accept=lambda query: "code" in query) == {"code": CODE}


def test_it_is_called_off_in_the_end() -> None:
    person = Person(*[f"code={CODE}&state=wrong"] * 9)
    with pytest.raises(SignInFailed) as caught:
        person.answers()
    assert person.asked == TRIES
    assert CODE not in str(caught.value)


def test_nobody_is_there() -> None:
    with pytest.raises(NeedsTerminal) as caught:
        Person().answers()
    assert caught.value.hint is not None


def test_nobody_is_there_as_the_command_line_puts_it() -> None:
    def ask(prompt: str) -> str:
        raise NeedsTerminal("The question was not answered.")

    with (
        PastedBrowser(ask=ask, announce=lambda text: None).listen(accept) as visit,
        pytest.raises(NeedsTerminal, match="not answered"),
    ):
        visit.wait(300)
