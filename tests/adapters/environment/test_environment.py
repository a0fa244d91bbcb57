"""Environment variables and `.dagctl.yaml`."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from dagctl.adapters.environment.heeded import heeded, heeded_in_dotenv
from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.domain.errors import FileCorrupt, FileUnusable, NotSignedIn
from dagctl.domain.values.context import Origin, Overrides, Sourced


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
        organization=Sourced("o", Origin.VARIABLE, "DAGCTL_ORG"), project=Sourced("near", Origin.PIN_FILE, str(pin))
    )
    assert overrides_from({"DAGCTL_PROJECT": "p"}, inner).project == Sourced("p", Origin.VARIABLE, "DAGCTL_PROJECT")


@pytest.mark.parametrize("text", ["- a", "a: [", "project: x\ntoken: y\n", "api_url: https://evil.example\n"])
def test_a_pin_that_says_anything_else_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / ".dagctl.yaml").write_text(text)
    with pytest.raises(FileCorrupt, match=r"\.dagctl\.yaml"):
        overrides_from({}, tmp_path)


posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners mean something else here")


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> dict[Path, int]:
    """Who owns what, where it is not this user."""
    others: dict[Path, int] = {}
    stat = Path.stat

    def played(self: Path, **kwargs: Any) -> os.stat_result:
        found = stat(self, **kwargs)
        return os.stat_result([*found[:4], others.get(self, found.st_uid), *found[5:10]])

    monkeypatch.setattr(Path, "stat", played)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return others


@posix
@pytest.mark.parametrize(
    ("pin", "place", "folder", "followed"),
    [
        (1000, 1000, 1000, True),
        (0, 0, 1000, True),
        (1000, 0, 1000, True),  # as in /tmp
        (1001, 0, 1000, False),
        (1001, 1001, 1000, False),
        (1000, 1001, 1000, False),
        (1001, 1001, 1001, False),  # a project that somebody else has put below a pin of theirs
    ],
)
def test_a_pin_above_is_followed_where_this_user_or_root_has_put_it(
    pin: int, place: int, folder: int, followed: bool, tmp_path: Path, owners: dict[Path, int]
) -> None:
    path, project = tmp_path / ".dagctl.yaml", tmp_path / "project"
    project.mkdir()
    path.write_text("project: shop")
    owners.update({path: pin, tmp_path: place, project: folder})
    if followed:
        assert overrides_from({}, project).project == Sourced("shop", Origin.PIN_FILE, str(path))
    else:
        with pytest.raises(FileUnusable, match="belongs to another user") as refused:
            overrides_from({}, project)
        assert (refused.value.path, refused.value.foreign) == (str(path), True)
        said = {"DAGCTL_ORG": "o", "DAGCTL_PROJECT": "p"}
        assert overrides_from(said, project).project == Sourced("p", Origin.VARIABLE, "DAGCTL_PROJECT")
        (project / ".dagctl.yaml").write_text("org: acme")
        owners[project / ".dagctl.yaml"] = folder
        assert overrides_from({}, project).organization == Sourced(
            "acme", Origin.PIN_FILE, str(project / ".dagctl.yaml")
        )


@posix
@pytest.mark.parametrize(("pin", "folder", "followed"), [(1001, 1001, True), (1001, 0, False), (1002, 1001, False)])
def test_a_project_that_is_mounted_may_pin_itself(
    pin: int, folder: int, followed: bool, tmp_path: Path, owners: dict[Path, int]
) -> None:
    (tmp_path / ".dagctl.yaml").write_text("project: shop")
    owners.update({tmp_path / ".dagctl.yaml": pin, tmp_path: folder})
    if followed:
        assert overrides_from({}, tmp_path).project is not None
    else:
        with pytest.raises(FileUnusable):
            overrides_from({}, tmp_path)


@posix
def test_a_link_is_whose_it_is_and_not_whose_file_it_leads_to(tmp_path: Path, owners: dict[Path, int]) -> None:
    mine, link, project = tmp_path / "mine.yaml", tmp_path / "shared" / ".dagctl.yaml", tmp_path / "shared" / "project"
    project.mkdir(parents=True)
    mine.write_text("project: another")
    link.symlink_to(mine)
    owners.update({mine: 1000, link: 1001, link.parent: 0, project: 1000})
    with pytest.raises(FileUnusable, match="belongs to another user"):
        overrides_from({}, project)


def test_what_a_projects_dotenv_says_of_heeded_variables(tmp_path: Path) -> None:
    pytest.importorskip("dotenv", reason="the sqlmesh extra is not installed")
    assert heeded_in_dotenv(tmp_path, {}) == {}
    (tmp_path / ".env").write_text(
        "DAGCTL_ORG=acme\nexport DAGCTL_STATE_SSLROOTCERT='/ca.pem'\nPGUSER=x\nPATH=/bin\nSQLMESH__PROJECT=x\n"
        "https_proxy=http://me:secret@proxy\nDAGCTL_PROJECT=\nSSL_CERT_FILE\n"
    )
    found = heeded_in_dotenv(tmp_path, {"DAGCTL_ORG": "globex"})
    assert {name: said.value for name, said in found.items()} == {
        "DAGCTL_ORG": "acme",
        "DAGCTL_STATE_SSLROOTCERT": "/ca.pem",
        "https_proxy": "http://me:secret@proxy",
        "DAGCTL_PROJECT": "",
    }
    assert {said.file for said in found.values()} == {tmp_path / ".env"}
    assert "secret" not in repr(found)


def test_another_dotenv_takes_the_projects_place_if_it_is_there(tmp_path: Path) -> None:
    pytest.importorskip("dotenv", reason="the sqlmesh extra is not installed")
    other = tmp_path / "other.env"
    (tmp_path / ".env").write_text("DAGCTL_ORG=acme")
    assert list(heeded_in_dotenv(tmp_path, {"SQLMESH_DOTENV_PATH": str(other)})) == ["DAGCTL_ORG"]
    other.write_text("NO_PROXY=localhost")
    assert {
        name: said.file for name, said in heeded_in_dotenv(tmp_path, {"SQLMESH_DOTENV_PATH": str(other)}).items()
    } == {"NO_PROXY": other}


@pytest.mark.parametrize(
    ("name", "is_heeded"),
    [
        ("DAGCTL_HOME", True),
        ("dagctl_org", True),
        ("PGSERVICEFILE", False),
        ("SSL_CERT_DIR", True),
        ("REQUESTS_CA_BUNDLE", True),
        ("http_proxy", True),
        ("ALL_PROXY", True),
        ("DAGCTL_", False),
        ("MY_DAGCTL_ORG", False),
        ("PG", False),
        ("PG_COLOR", False),
        ("HOME", False),
        ("FTP_PROXY", False),
    ],
)
def test_variables_that_are_heeded(name: str, is_heeded: bool) -> None:
    assert list(heeded([name])) == [name] * is_heeded


def test_tokens_live_until_the_first_of_them_dies() -> None:
    access, identity = _jwt(exp=2_000_000_000), _jwt(exp=1_900_000_000)
    environ = {"DAGCTL_ACCESS_TOKEN": access, "DAGCTL_ID_TOKEN": identity}
    tokens = EnvironmentTokenStore(environ).load()
    assert tokens is not None
    assert tokens.expires_at == datetime.fromtimestamp(1_900_000_000, tz=timezone.utc)
    assert (tokens.access_token.reveal(), tokens.id_token.reveal(), tokens.refresh_token) == (access, identity, None)


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
