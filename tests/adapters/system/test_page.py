"""The pages, as HTML; tests/e2e looks at them in a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from dagctl.adapters.system.page import HEADERS, render
from dagctl.ports.browser import Page


class Reader(HTMLParser):
    """The tags, with their attributes, and the text."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(render(page).decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


PAGES = [Page(True, "Signed in", "Welcome."), Page(False, "Not signed in", "Sorry.")]


@pytest.mark.parametrize("page", PAGES)
def test_what_it_says(page: Page) -> None:
    read = Reader(page)
    assert page.title in read.text
    assert page.text in read.text
    assert f"{page.title} · dagctl" in read.text


@pytest.mark.parametrize(("page", "role"), [(PAGES[0], "status"), (PAGES[1], "alert")])
def test_it_tells_screen_readers(page: Page, role: str) -> None:
    tags = Reader(page).tags
    assert ("html", {"lang": "en", "class": "good" if page.ok else "bad"}) in tags
    assert ("div", {"role": role}) in tags
    assert [tag for tag, _ in tags if tag in ("main", "h1", "title")] == ["title", "main", "h1"]


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title><b>", "&lt;script&gt;", "a & b"]
)
def test_text_stays_text(hostile: str) -> None:
    plain = Reader(Page(False, "x", "y"))
    read = Reader(Page(False, hostile, hostile))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert read.text.count(hostile) == 2


@pytest.mark.parametrize("page", PAGES)
def test_nothing_comes_from_elsewhere(page: Page) -> None:
    html = render(page).decode()
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|\son\w+=|style=", html)


def test_the_policy_admits_this_style_and_nothing_else() -> None:
    style = re.search(r"<style>(.*)</style>", render(PAGES[0]).decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_an_option_is_kept_in_one_piece() -> None:
    html = render(Page(False, "x", "Sign in with another account, or with --org Acme <--x>.")).decode()
    assert "or with <span>--org</span> Acme &lt;<span>--x</span>&gt;." in html
