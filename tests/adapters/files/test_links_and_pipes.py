"""Links and pipes where files and folders of ours should be: not followed, not waited for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.test_wrong_input import refused

from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.shelf import FileAccountShelf
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import FileUnusable
from dagctl.domain.values.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


@pytest.mark.parametrize("name", ["auth.json", "config.yaml"])
def test_a_pipe_is_not_waited_for(run: Run, home: Path, name: str) -> None:
    home.mkdir(mode=0o700)
    os.mkfifo(home / name)
    refused(run("auth", "status"), 1, str(home / name), "not a regular file")


def test_a_linked_folder_of_credentials_is_not_emptied(tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.mkdir()
    (target / "package.json").write_text("{}")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "credentials").symlink_to(target, target_is_directory=True)
    with pytest.raises(FileUnusable, match="symbolic link"):
        FileCredentialStore(tmp_path / "home").clear()
    assert (target / "package.json").read_text() == "{}"


def test_a_linked_account_is_none(tmp_path: Path) -> None:
    shelf = FileAccountShelf(tmp_path, FileTokenStore)
    shelf.stores("acme").settings.save(Settings(current_org="acme"))
    shelf.stores("theirs").settings.save(Settings(current_org="theirs"))
    target = (tmp_path / "accounts" / "theirs").rename(tmp_path / "elsewhere")
    (tmp_path / "accounts" / "theirs").symlink_to(target, target_is_directory=True)
    assert shelf.names() == ("acme",)
