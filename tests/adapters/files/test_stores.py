"""The stores in the dagctl home: what they keep, what they refuse, what they leave alone."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from attrs import evolve
from ruamel.yaml import YAML

from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import FileBusy, FileCorrupt
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.tokens import TokenSet

DEATH = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
TOKENS = TokenSet("access", "identity", "refresh", expires_at=DEATH, extra={"scope": "openid"})


def test_the_published_clients_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text(
        json.dumps(
            {
                "access_token": "a",
                "id_token": "i",
                "refresh_token": "r",
                "token_type": "Bearer",
                "expires_in": 3600,
                "expires_at": "2030-01-02T03:04:05+00:00",
            }
        )
    )
    tokens = FileTokenStore(tmp_path).load()
    assert tokens is not None
    assert (tokens.access_token, tokens.id_token, tokens.refresh_token) == (Secret("a"), Secret("i"), Secret("r"))
    assert tokens.expires_at == DEATH
    assert tokens.lifetime == timedelta(hours=1)


@pytest.mark.parametrize("value", [None, "", "soon", 12, "2030-99-99", "0001-01-01T00:00:00+23:59", ["x"]])
def test_an_expiry_that_cannot_be_read_is_unknown(tmp_path: Path, value: object) -> None:
    (tmp_path / "auth.json").write_text(json.dumps({"access_token": "a", "id_token": "i", "expires_at": value}))
    tokens = FileTokenStore(tmp_path).load()
    assert tokens is not None
    assert tokens.expires_at is None
    assert tokens.expired(datetime(2020, 1, 1, tzinfo=timezone.utc))


def test_a_save_keeps_members_that_belong_to_somebody_else(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path)
    store.save(TOKENS)
    members = json.loads((tmp_path / "auth.json").read_text())
    (tmp_path / "auth.json").write_text(json.dumps({**members, "theirs": [1]}))
    store.save(evolve(TOKENS, access_token="new", refresh_token=None, extra={}))
    assert json.loads((tmp_path / "auth.json").read_text()) == {
        "access_token": "new",
        "id_token": "identity",
        "expires_at": "2030-01-02T03:04:05+00:00",
        "scope": "openid",
        "theirs": [1],
    }


@pytest.mark.parametrize("text", [" ", "{", "[]", "null", '{"access_token": 1}', "[" * 100_000])
def test_corrupt_tokens_are_named_kept_aside_and_removed_by_clear(tmp_path: Path, text: str) -> None:
    store, path = FileTokenStore(tmp_path), tmp_path / "auth.json"
    path.write_text(text)
    with pytest.raises(FileCorrupt, match=r"auth\.json cannot be used"):
        store.load()
    assert path.read_text() == text
    if text not in ("null", '{"access_token": 1}'):
        store.save(TOKENS)
        assert (tmp_path / "auth.json.corrupt").read_text() == text
    path.write_text(text)
    store.clear()
    assert store.load() is None


def test_the_lock_of_another_process_is_waited_for_and_then_named(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time, pathlib
        from dagctl.adapters.files.tokens import FileTokenStore
        with FileTokenStore(pathlib.Path(sys.argv[1])).lock():
            print("held", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(FileBusy, match=r"\.auth\.lock") as busy, FileTokenStore(tmp_path, patience=0.1).lock():
            pass
        assert (busy.value.path, busy.value.waited) == (str(tmp_path / ".auth.lock"), 0.1)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        with FileTokenStore(tmp_path, patience=5).lock():
            pass


def _save_for_ever(home: Path) -> None:
    store = FileTokenStore(home)
    for number in range(1_000_000):
        store.save(evolve(TOKENS, access_token=f"{number}" * 2000))


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path)
    store.save(TOKENS)

    for round_ in range(10):
        writer = multiprocessing.Process(target=_save_for_ever, args=(tmp_path,))
        writer.start()
        for _ in range(20 + round_ * 7):
            assert store.load() is not None
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert store.load() is not None
    store.save(TOKENS)
    assert [path.name for path in tmp_path.iterdir()] == ["auth.json"]


CONFIG = """\
# my settings
current_org: acme-id   # the ID
theirs: {a: 1}
current_project: 'one'
"""


def test_an_edit_keeps_comments_order_and_unknown_keys(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    store = FileSettingsStore(tmp_path)
    store.save(evolve(store.load(), current_project="two", pg_proxy_port=6432))
    assert (tmp_path / "config.yaml").read_text() == CONFIG.replace("one", "two") + "pg_proxy_port: 6432\n"
    assert stat.S_IMODE((tmp_path / "config.yaml").stat().st_mode) == 0o600


def test_a_key_that_became_none_is_removed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    store = FileSettingsStore(tmp_path)
    store.save(evolve(store.load(), current_project=None))
    assert "current_project" not in (tmp_path / "config.yaml").read_text()
    assert store.load() == Settings(current_org="acme-id")


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    store = FileSettingsStore(tmp_path)
    store.save(Settings())
    assert list(tmp_path.iterdir()) == []


def test_names_that_look_like_other_things_stay_names(tmp_path: Path) -> None:
    store = FileSettingsStore(tmp_path)
    for name in ("on", "123", "1e3", "null", "2024-01-01", "a: b", "#x", "ünï"):
        store.save(Settings(current_project=name))
        assert store.load().current_project == name


@pytest.mark.parametrize("name", ["on", "y", "017", "1_000", "12:30", ".5", "~", "two words", "a-b"])
def test_a_name_is_a_name_to_readers_of_yaml_1_1_too(tmp_path: Path, name: str) -> None:
    """The published client reads the file with such a parser."""
    FileSettingsStore(tmp_path).save(Settings(current_project=name))
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    assert yaml.load(tmp_path / "config.yaml") == {"current_project": name}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "line 1"),
        ("- a", "not a mapping"),
        ("pg_proxy_port: many", "pg_proxy_port is not a TCP port"),
        ("pg_proxy_port: 70000", "pg_proxy_port is not a TCP port"),
        ("current_org: [a]", "current_org is not a string"),
        ("a: 1\na: 2", "duplicate"),
    ],
)
def test_a_corrupt_config_is_named_and_left_alone(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    store = FileSettingsStore(tmp_path)
    with pytest.raises(FileCorrupt, match=rf"config\.yaml cannot be used: .*{why}"):
        store.load()
    with pytest.raises(FileCorrupt):
        store.save(Settings(current_org="x"))
    assert path.read_text() == text


def _credentials(password: str = "secret") -> StateCredentials:
    return StateCredentials(StateEndpoint("localhost", 5432, "org_a_b", "a/b"), password, expires_at=DEATH)


def test_credentials_are_kept_for_other_tools(tmp_path: Path) -> None:
    store = FileCredentialStore(tmp_path)
    store.save("Acme Inc", "my-project", _credentials())
    path = tmp_path / "credentials" / "Acme Inc_my-project.json"
    assert json.loads(path.read_text())["expires_at"] == DEATH.isoformat()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text())["password"] == "secret"
    store.clear()
    assert list(path.parent.iterdir()) == []


def test_the_same_credentials_are_not_written_twice(tmp_path: Path) -> None:
    store, path = FileCredentialStore(tmp_path), tmp_path / "credentials" / "a_b.json"
    store.save("a", "b", _credentials())
    first = path.stat().st_ino
    store.save("a", "b", _credentials())
    assert path.stat().st_ino == first
    store.save("a", "b", _credentials("other"))
    assert json.loads(path.read_text())["password"] == "other"


def test_members_that_belong_to_somebody_else_stay_with_new_credentials(tmp_path: Path) -> None:
    store, path = FileCredentialStore(tmp_path), tmp_path / "credentials" / "a_b.json"
    store.save("a", "b", _credentials())
    path.write_text(json.dumps({**json.loads(path.read_text()), "theirs": [1, {"x": None}]}))
    store.save("a", "b", _credentials("other"))
    kept = json.loads(path.read_text())
    assert (kept["theirs"], kept["password"]) == ([1, {"x": None}], "other")


@pytest.mark.parametrize("text", ["", "{", "[1]", "\0", "[" * 100_000])
def test_what_cannot_be_read_is_replaced(tmp_path: Path, text: str) -> None:
    store, path = FileCredentialStore(tmp_path), tmp_path / "credentials" / "a_b.json"
    path.parent.mkdir()
    path.write_text(text)
    store.save("a", "b", _credentials())
    assert json.loads(path.read_text())["expires_at"] == DEATH.isoformat()


@pytest.mark.parametrize("name", ["../../etc", "..", ".", "a/b", "a\\b", "a\0b", "", "C:x"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    FileCredentialStore(tmp_path).save(name, name, _credentials())
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]
    assert len(list((tmp_path / "credentials").iterdir())) == 1


def test_clearing_where_there_is_nothing(tmp_path: Path) -> None:
    FileCredentialStore(tmp_path).clear()
    FileTokenStore(tmp_path).clear()


def test_names_that_collide_have_files_of_their_own(tmp_path: Path) -> None:
    store, folder = FileCredentialStore(tmp_path), tmp_path / "credentials"
    pairs = [("a", "b_c"), ("a_b", "c"), ("a/b", "c"), ("\U00020000" * 60, "shop"), ("\U00020000" * 60, "web")]
    for org, project in pairs:
        store.save(org, project, _credentials(f"{org}/{project}"))
    assert json.loads((folder / "a_b_c.json").read_text())["password"] == "a/b_c"  # as other tools look for it
    found = {json.loads(path.read_text())["password"] for path in folder.iterdir()}
    assert found == {f"{org}/{project}" for org, project in pairs}
    assert all(len(path.name.encode()) < 200 for path in folder.iterdir())
