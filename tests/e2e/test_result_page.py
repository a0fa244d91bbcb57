"""What a person sees in a real browser when the sign-in has ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.ports.browser import Page, Query

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from tests.e2e.conftest import StartChromium

HOSTILE = "<script>document.title = 'gone'</script><h1>&amp;"
PAGES = [
    Page(True, "Signed in", "You are signed in to Acme as ada@acme.example.", "You can close this window."),
    Page(False, "Not signed in", "Acme is closed today.", "The terminal says more."),
]


def accept(query: Query) -> bool:
    return query.get("state") == "good"


@contextmanager
def shown(chromium: Chrome, page: Page) -> Iterator[None]:
    """Chromium comes back from the issuer and sees `page`."""
    with (
        ThreadPoolExecutor(1) as pool,
        LoopbackBrowser(port=0, opener=lambda url: True, announce=print).listen(accept) as visit,
    ):
        arrival = pool.submit(chromium.get, f"{visit.redirect_uri}?code=the-code&state=good")
        assert visit.wait(60) == {"code": "the-code", "state": "good"}
        visit.show(page)
        arrival.result(60)
        yield


@pytest.mark.parametrize(("page", "role"), [(PAGES[0], "status"), (PAGES[1], "alert")])
def test_the_outcome_is_seen(chromium: Chrome, page: Page, role: str) -> None:
    with shown(chromium, page):
        assert chromium.title == f"{page.title} · dagctl"
        told = chromium.find_element("css selector", f"main [role={role}]")
        assert told.text == f"{page.title}\n{page.text}\n{page.next_step}"
        assert told.is_displayed()
        assert chromium.find_element("css selector", "main svg").is_displayed()


@pytest.mark.parametrize("page", PAGES)
def test_the_policy_lets_the_page_be_as_it_was_drawn(chromium: Chrome, page: Page) -> None:
    with shown(chromium, page):
        assert chromium.find_element("tag name", "main").value_of_css_property("border-radius") == "16px"
        log = chromium.get_log("browser")  # type: ignore[no-untyped-call]
        assert [entry["message"] for entry in log if "Content Security Policy" in entry["message"]] == []


def test_text_stays_text(chromium: Chrome) -> None:
    with shown(chromium, Page(False, HOSTILE, HOSTILE)):
        assert chromium.title == f"{HOSTILE} · dagctl"
        assert chromium.find_element("tag name", "p").text == HOSTILE
        assert len(chromium.find_elements("tag name", "h1")) == 1


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(chromium: Chrome, page: Page, scheme: str) -> None:
    """At the contrast that WCAG 2.1 asks for (1.4.3, level AA)."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    with shown(chromium, page):
        card = _colour(chromium, "main", "background-color")
        assert (_luminance(card) < 0.5) is (scheme == "dark")
        for element in ("h1", "p"):
            assert _contrast(_colour(chromium, element, "color"), card) >= 4.5
        assert _contrast(_colour(chromium, "footer", "color"), _colour(chromium, "body", "background-color")) >= 4.5


def test_a_narrow_window_needs_no_scrolling_sideways(start_chromium: StartChromium) -> None:
    chromium = start_chromium(arguments=["--force-device-scale-factor=1"])
    size = {"width": 320, "height": 568, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    with shown(chromium, Page(False, "Not signed in" * 5, "a-very-long-word" * 20)):
        assert chromium.execute_script("return document.documentElement.scrollWidth") <= 320


def test_a_forged_answer_is_turned_away_and_the_true_one_taken(chromium: Chrome) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        LoopbackBrowser(port=0, opener=lambda url: True, announce=print).listen(accept) as visit,
    ):
        chromium.get(f"{visit.redirect_uri}?code=x&state=forged")
        assert chromium.title == "Not the answer · dagctl"
        arrival = pool.submit(chromium.get, f"{visit.redirect_uri}?code=the-code&state=good")
        assert visit.wait(60)["code"] == "the-code"
        visit.show(PAGES[0])
        arrival.result(60)
        assert chromium.title == "Signed in · dagctl"


def test_a_sign_in_that_breaks_off(chromium: Chrome) -> None:
    with ThreadPoolExecutor(1) as pool:
        with LoopbackBrowser(port=0, opener=lambda url: True, announce=print).listen(accept) as visit:
            arrival = pool.submit(chromium.get, f"{visit.redirect_uri}?code=the-code&state=good")
            visit.wait(60)
        arrival.result(60)
    assert chromium.title == "Not signed in · dagctl"
    assert "the terminal says why" in chromium.find_element("tag name", "p").text


Colour = tuple[float, float, float]


def _colour(chromium: Chrome, element: str, name: str) -> Colour:
    text = chromium.find_element("tag name", element).value_of_css_property(name)
    red, green, blue = map(float, re.findall(r"[\d.]+", text)[:3])
    return red, green, blue


def _luminance(colour: Colour) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: Colour, other: Colour) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
