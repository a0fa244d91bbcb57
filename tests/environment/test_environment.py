"""Environment variables and `.dagctl.yaml`."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.domain.errors import FileCorrupt, FileUnusable, NotSignedIn
from dagctl.domain.values.context import Overrides, Sourced
from dagctl.domain.values.secret import Secret


def _jwt(**claims: object) -> str:
    def segment(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{segment({'alg': 'RS256'})}.{segment(claims)}.c2ln"


def test_nothing_said(tmp_path: Path) -> None:
    assert overrides_from({}, tmp_path) == Overrides()
    assert overrides_from({"DAGCTL_ORG": "", "DAGCTL_PROJECT": ""}, tmp_path) == Overrides()


def test_the_nearest_pin_speaks_where_variables_are_silent(tmp_path: Path) -> None:
    (tmp_path / ".dagctl.yaml").write_text("org: far\nproject: far\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    pin = tmp_path / "a" / ".dagctl.yaml"
    pin.write_text("# ours\nproject: near\n")
    assert overrides_from({"DAGCTL_ORG": "o"}, inner) == Overrides(
        organization=Sourced("o", "DAGCTL_ORG"), project=Sourced("near", str(pin))
    )
    assert overrides_from({"DAGCTL_PROJECT": "p"}, inner).project == Sourced("p", "DAGCTL_PROJECT")


@pytest.mark.parametrize("text", ["- a", "a: [", "project: x\ntoken: y\n", "api_url: https://evil.example\n"])
def test_a_pin_that_says_anything_else_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / ".dagctl.yaml").write_text(text)
    with pytest.raises(FileCorrupt, match=r"\.dagctl\.yaml"):
        overrides_from({}, tmp_path)


def test_tokens_live_until_the_first_of_them_dies() -> None:
    access, identity = _jwt(exp=2_000_000_000), _jwt(exp=1_900_000_000)
    environ = {"DAGCTL_ACCESS_TOKEN": access, "DAGCTL_ID_TOKEN": identity}
    tokens = EnvironmentTokenStore(environ).load()
    assert tokens is not None
    assert tokens.expires_at == datetime.fromtimestamp(1_900_000_000, tz=timezone.utc)
    assert (tokens.access_token, tokens.id_token, tokens.refresh_token) == (Secret(access), Secret(identity), None)


@pytest.mark.parametrize("present", ["DAGCTL_ACCESS_TOKEN", "DAGCTL_ID_TOKEN"])
def test_half_a_session_names_the_other_half(present: str, tmp_path: Path) -> None:
    environ = {present: _jwt()}
    assert overrides_from(environ, tmp_path).given_session
    with pytest.raises(NotSignedIn, match="is set, but") as caught:
        EnvironmentTokenStore(environ).load()
    assert environ[present] not in str(caught.value)


def test_a_given_session_cannot_be_changed() -> None:
    store = EnvironmentTokenStore({"DAGCTL_ACCESS_TOKEN": "a", "DAGCTL_ID_TOKEN": "b"})
    tokens = store.load()
    assert tokens is not None
    assert not store.writable
    with pytest.raises(FileUnusable, match="DAGCTL_ACCESS_TOKEN"):
        store.save(tokens)
    with pytest.raises(FileUnusable, match="DAGCTL_ID_TOKEN"):
        store.clear()
    with store.lock():
        pass
