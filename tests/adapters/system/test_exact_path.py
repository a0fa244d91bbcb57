"""The callback's path is exact: what has been tidied up to look like it does not end the wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dagctl.domain.errors import SignInTimedOut
from dagctl.ports.browser import Page

if TYPE_CHECKING:
    from tests.adapters.system.conftest import SignIn

ANSWER = "?code=the-code&state=good"


@pytest.mark.parametrize(
    "target",
    [
        "//callback",
        "///callback",
        "////callback",
        "//evil.example/callback",
        "/./callback",
        "/callback;x",
        "http://localhost:{port}/callback",
        "HTTP://localhost:{port}/callback",
        "http://evil.example/callback",
        "callback",
    ],
)
def test_another_path_does_not_end_the_wait(sign_in: SignIn, target: str) -> None:
    line = f"GET {target.format(port=sign_in.port)}{ANSWER} HTTP/1.1"
    answered = sign_in.say(f"{line}\r\nHost: localhost:{sign_in.port}\r\n\r\n".encode())
    assert answered.startswith(b"HTTP/1.1 404 ")
    with pytest.raises(SignInTimedOut):
        sign_in.visit.wait(0.01)
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(sign_in.get, f"/callback{ANSWER}")
        assert sign_in.visit.wait(60)["code"] == "the-code"
        sign_in.visit.show(Page(True, "Signed in", "Well done."))
        assert response.result().status == 200
