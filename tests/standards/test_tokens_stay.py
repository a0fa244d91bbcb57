"""RFC 6749 section 10, RFC 6750 section 5.3, RFC 9700 section 4.3.2: each token goes to whom it is for."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from tests.adapters.http.conftest import SECRETS, World, reply

from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import TokenRejected
from dagctl.domain.values.platform import ApiAccess
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.tokens import TokenSet

if TYPE_CHECKING:
    from tests.standards.conftest import Somebody, TwoHosts


def test_each_token_goes_to_whom_it_is_for(somebody: Somebody, hosts: TwoHosts) -> None:
    somebody.signs_in()
    somebody.client.projects.list()
    somebody.client.session.renewed()
    somebody.client.projects.choose("shop")
    somebody.client.logout()
    first, second = hosts.tokens
    (exchange, refresh), (revocation,) = hosts.forms("/oauth/token"), hosts.forms("/oauth/revoke")
    assert (refresh["refresh_token"], revocation["token"]) == (first["refresh_token"], second["refresh_token"])

    secrets = [value for answer in hosts.tokens for name, value in answer.items() if name.endswith("_token")]
    secrets += [exchange["code"], exchange["code_verifier"], *(somebody.asked()[name] for name in ("state", "nonce"))]
    assert not any(secret in target for target in hosts.targets() for secret in secrets)

    for seen in hosts.api.seen:
        assert seen.body == ""
        shown = seen.headers.get("authorization")
        assert shown in (None, f"Bearer {first['id_token']}", f"Bearer {second['id_token']}")
        assert not any(secret in str(seen.headers) for secret in secrets if f"Bearer {secret}" != shown)
    for seen in hosts.issuer.seen:
        assert "authorization" not in seen.headers
        for token in ("access_token", "id_token"):
            assert not any(answer[token] in seen.body + str(seen.headers) for answer in hosts.tokens)


def test_no_cookie_is_kept(world: World) -> None:
    far = world.serve(reply(200, [], Set_Cookie="token=x; Path=/"))
    api = world.api()
    for _ in range(2):
        api.projects(ApiAccess(far.url, SECRETS["id token"]))
    assert len(far.seen) == 2
    assert not any("cookie" in seen.headers for seen in far.seen)


@pytest.mark.parametrize("claims", [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://evil.example/"}])
def test_tokens_of_an_answer_that_fails_a_check_are_shown_to_nobody(
    somebody: Somebody, hosts: TwoHosts, claims: dict[str, object]
) -> None:
    hosts.model.id_claims = claims
    with pytest.raises(TokenRejected):
        somebody.signs_in()
    assert hosts.tokens
    assert not any("authorization" in seen.headers for seen in hosts.api.seen)
    assert [form["token"] for form in hosts.forms("/oauth/revoke")] == [hosts.tokens[0]["refresh_token"]]
    assert somebody.kept() == ""


def test_the_refresh_token_that_was_spent_is_kept_nowhere(somebody: Somebody, hosts: TwoHosts) -> None:
    somebody.signs_in()
    assert hosts.tokens[0]["refresh_token"] in somebody.kept()
    somebody.client.session.renewed()
    assert hosts.tokens[0]["refresh_token"] not in somebody.kept()
    assert hosts.tokens[1]["refresh_token"] in somebody.kept()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_file_with_a_token_is_private_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    born: list[int] = []
    os_open = os.open

    def watched(path: str | os.PathLike[str], flags: int, mode: int = 0o777, **options: Any) -> int:
        descriptor = os_open(path, flags, mode, **options)
        if flags & os.O_CREAT and not str(path).endswith(".lock"):
            born.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", watched)
    tokens = TokenSet("access", "identity", "refresh")
    before = os.umask(0)
    try:
        for number in range(2):
            FileTokenStore(tmp_path / "home").save(evolve(tokens, access_token=f"access-{number}"))
            entrance = StateCredentials(StateEndpoint("h", 1, "d", "u"), f"p-{number}")
            FileCredentialStore(tmp_path / "home").save("o", "p", entrance)
    finally:
        os.umask(before)
    assert born == [0o600] * 4
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").rglob("*")}
    assert modes == {"auth.json": 0o600, "credentials": 0o700, "o_p.json": 0o600}
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
