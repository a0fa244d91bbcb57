"""`accounts/NAME/`: the accounts that are not current, each in a folder with the layout of the home."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.private import unusable
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.ports.storage import AccountShelf, Stores
from dagctl.ports.token_store import TokenStore


class FileAccountShelf(AccountShelf):
    """The `AccountShelf` in the dagctl home.

    Args:
        tokens: opens the token store of a folder.
    """

    def __init__(self, home: Path, tokens: Callable[[Path], TokenStore]) -> None:
        self._folder = home / "accounts"
        self._tokens = tokens

    def names(self) -> tuple[str, ...]:
        try:
            found = self._folder.glob("*/config.yaml")
            return tuple(sorted(path.parent.name for path in found if not path.parent.is_symlink()))
        except OSError as error:
            raise unusable(self._folder, f"cannot be read: {error.strerror}") from None

    def stores(self, name: str) -> Stores:
        folder = self._folder / name
        if folder.is_symlink():
            raise unusable(folder, "is a symbolic link, which dagctl does not follow")
        tokens = self._tokens(folder)
        return Stores(FileSettingsStore(folder), tokens, FileCredentialStore(folder, tokens))

    def remove(self, name: str) -> None:
        # tokens first, `config.yaml` last: what a killed process leaves behind is still listed
        folder = self._folder / name
        self.stores(name).tokens.clear()
        try:
            for path in sorted(folder.iterdir(), key=lambda path: path.name == "config.yaml"):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            raise unusable(folder, f"cannot be removed: {error.strerror}") from None
