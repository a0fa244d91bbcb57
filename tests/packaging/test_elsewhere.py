"""What Windows is like, played on whatever machine this is; README.md says what is tested where."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.cli.app import App
from dagctl.cli.commands import auth_login
from dagctl.cli.sandboxes import supervisor
from dagctl.domain.errors import DagctlError
from dagctl.domain.services.kept import account_name
from dagctl.domain.values.settings import Settings


@pytest.mark.parametrize("name", ["con", "PRN", "aux", "nul", "com1", "LPT9", "con.fusion"])
def test_no_account_is_kept_under_the_name_of_a_device(name: str) -> None:
    assert account_name(Settings(current_org_name=name)) == f"{name.lower()}-"


@pytest.mark.parametrize("name", ["console", "com", "com10", "acme.con"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert account_name(Settings(current_org_name=name)) == name


def test_files_whose_lines_end_as_windows_has_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"# mine\r\ncurrent_org: o-1\r\ncurrent_project: Shop\r\n")
    store = FileSettingsStore(tmp_path)
    assert store.load().current_project == "Shop"
    store.save(Settings(current_org="o-1", current_project="Blog"))
    assert store.load().current_project == "Blog"
    assert b"# mine" in (tmp_path / "config.yaml").read_bytes()


def test_a_pin_whose_lines_end_as_windows_has_it(tmp_path: Path) -> None:
    (tmp_path / ".dagctl.yaml").write_bytes(b"org: acme\r\nproject: Shop\r\n")
    found = overrides_from({}, tmp_path)
    assert found.project is not None
    assert found.project.value == "Shop"


def test_a_terminal_on_which_nobody_can_wait_for_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_login, "os", SimpleNamespace(name="nt", environ=os.environ))
    app = App(stdin=io.StringIO("http://localhost:8080/callback?code=1\r\n"), err=io.StringIO())
    assert auth_login._asking(app)("Paste the address: ", 1.0) == "http://localhost:8080/callback?code=1"
    assert auth_login._terminal(app) is None


def test_the_sandbox_says_where_it_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DagctlError, match="does not run on Windows\\. Use WSL"):
        supervisor()
