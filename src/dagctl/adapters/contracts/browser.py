"""What a `Browser` has to do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import pytest

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import SignInFailed
from dagctl.ports.browser import Browser, Page, Query

URL = "https://issuer.example/authorize?client_id=x"
OURS = {"code": "c-1", "state": "ours"}
FORGED = {"code": "c-2", "state": "theirs"}
DONE = Page(True, "Signed in", "Go back to the <terminal>.")


def ours(query: Query) -> bool:
    """The accept rule of the suite."""
    return query.get("state") == "ours"


class BrowserContract(Contract):
    """The suite of a `Browser`, whose person comes back with the callbacks of `make`. Define `make` and `seen`."""

    @abstractmethod
    def make(self, callbacks: Sequence[Query]) -> Browser:
        """A browser that answers any address with these callbacks, one after the other."""

    @abstractmethod
    def seen(self, browser: Browser) -> str | None:
        """What the person reads at the end of the visit; None if the browser shows no pages."""

    def test_a_round_trip(self) -> None:
        with self.make([OURS]).listen(ours) as visit:
            assert visit.redirect_uri.startswith("http")
            visit.open(URL)
            assert dict(visit.wait(20)) == OURS
            visit.show(DONE)

    def test_the_person_reads_how_it_ended(self) -> None:
        browser = self.make([OURS])
        with browser.listen(ours) as visit:
            visit.open(URL)
            visit.wait(20)
            visit.show(DONE)
        seen = self.seen(browser)
        assert seen is None or (DONE.title in seen and DONE.text in seen)

    def test_without_a_page_the_person_is_told_that_it_failed(self) -> None:
        browser = self.make([OURS])
        with browser.listen(ours) as visit:
            visit.open(URL)
            visit.wait(20)
        seen = self.seen(browser)
        assert seen is None or "Not signed in" in seen

    def test_a_forged_callback_does_not_end_the_wait(self) -> None:
        with self.make([FORGED, {}, OURS]).listen(ours) as visit:
            visit.open(URL)
            assert dict(visit.wait(20)) == OURS
            visit.show(DONE)

    def test_nothing_but_forged_callbacks_ends_in_failure(self) -> None:
        with self.make([FORGED]).listen(ours) as visit:
            visit.open(URL)
            with pytest.raises(SignInFailed):
                visit.wait(0.3)

    def test_nobody_comes_back(self) -> None:
        with self.make([]).listen(ours) as visit:
            visit.open(URL)
            with pytest.raises(SignInFailed):
                visit.wait(0.3)

    def test_an_error_is_an_answer_too(self) -> None:
        refusal = {"error": "access_denied", "error_description": "No & never", "state": "ours"}
        with self.make([refusal]).listen(ours) as visit:
            visit.open(URL)
            assert dict(visit.wait(20)) == refusal
            visit.show(DONE)

    def test_a_visit_after_another(self) -> None:
        browser = self.make([OURS])
        for _ in range(2):
            with browser.listen(ours) as visit:
                visit.open(URL)
                assert dict(visit.wait(20)) == OURS
                visit.show(DONE)
