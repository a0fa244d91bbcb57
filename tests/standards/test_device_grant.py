"""RFC 8628: what the person is shown, and when a device gives up."""

from __future__ import annotations

import io

import pytest

from dagctl.adapters.memory.clock import FixedClock
from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.domain.errors import Refused, SignInFailed
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.identity_provider import DeviceCode
from dagctl.testing import MemoryPlatform, connected


def test_the_code_is_shown_also_beside_an_address_that_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    platform = MemoryPlatform()
    codes: list[DeviceCode] = []
    begin = platform.begin_device

    def noted(place: Platform) -> DeviceCode:
        codes.append(begin(place))
        platform.finish_device(codes[0].user_code)
        return codes[0]

    monkeypatch.setattr(platform, "begin_device", noted)
    app = App(connect=lambda **ports: connected(platform, signed_in=False), out=io.StringIO(), err=io.StringIO())
    assert main(["auth", "login", "--org", "acme", "--device"], app=app) == 0
    assert isinstance(app.err, io.StringIO)
    lines = app.err.getvalue().splitlines()
    (code,) = codes
    assert code.verification_uri_complete is not None
    bare = [line for line in lines if code.verification_uri_complete not in line]
    assert any(code.user_code in line and code.verification_uri in line for line in bare)
    assert any(code.verification_uri_complete in line for line in lines)
    assert code.device_code.reveal() not in app.err.getvalue()


class Answering(MemoryPlatform):
    """An issuer that answers every question with one error."""

    error = ""
    asked = 0

    def poll_device(self, platform: Platform, device_code: Secret) -> TokenSet:
        self.asked += 1
        raise Refused(f"The issuer refused ({self.error}).", code=self.error)


@pytest.mark.parametrize(
    "error", ["access_denied", "expired_token", "invalid_grant", "invalid_client", "server_error", "something_new", ""]
)
def test_any_other_error_ends_the_questions(error: str) -> None:
    platform = Answering()
    platform.error = error
    with pytest.raises(SignInFailed):
        connected(platform, signed_in=False).login_with_device("acme", lambda code: None)
    assert platform.asked == 1


def test_two_errors_mean_that_it_goes_on() -> None:
    platform = Answering()
    clock = platform.clock
    assert isinstance(clock, FixedClock)
    clock.after(12, lambda: setattr(platform, "error", "slow_down"))
    platform.error = "authorization_pending"
    with pytest.raises(SignInFailed):
        connected(platform, signed_in=False).login_with_device("acme", lambda code: None, timeout=100)
    assert clock.slept[:5] == [5, 5, 5, 10, 15]
