"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import sleep, time_ns

from dagctl.adapters.system.notices import notice
from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.domain.values.secret import Secret, secret

_serial = count(time_ns())  # a killed process that had our process ID, as in containers all have, began lower
_rooms: set[Path] = set()
"""The temporary files that this process is at."""

_BINARY, _NOFOLLOW, _NONBLOCK = (getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"))
_DENIED_FOR_A_MOMENT = (5, 32)
"""What Windows answers while another program, a virus scanner say, has the file open."""


def read_private(path: Path, *, tighten: bool = False) -> str | None:
    """The file's text; None where there is none.

    Args:
        tighten: take other people's access away from it, and say so.

    Raises:
        FileUnusable: it cannot be read, is a symbolic link, or belongs to another user.
        FileCorrupt: it is not UTF-8.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _BINARY | _NOFOLLOW | _NONBLOCK)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):  # a pipe would have us wait for whoever writes to it
                raise unusable(path, "is not a regular file")
            _require_owner(path, found)
            if tighten:
                _tighten(path, found)
            return _content(descriptor).decode().replace("\r\n", "\n")
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise FileCorrupt(f"{path} is not a text file.", path=str(path), role="home") from None
    except OSError as error:
        if os.path.islink(path):
            raise unusable(path, "is a symbolic link, and is not followed") from None
        raise unusable(path, f"cannot be read: {error.strerror}") from None


def unusable(path: Path, why: str, *, foreign: bool = False) -> FileUnusable:
    """The error of a file or folder in the dagctl home. `why` goes on where the sentence has named it."""
    return FileUnusable(f"{path} {why}.", path=str(path), role="home", link=os.path.islink(path), foreign=foreign)


def write_private(path: Path, text: str | Secret) -> None:
    """Replace the file, mode 0600 from its creation on; after a crash it is the old one or the new.

    Args:
        text: a `Secret` where the traceback of an error is not to show it.

    Raises:
        FileUnusable: it cannot be written, or is a symbolic link.
    """
    with room_for(path) as room:
        try:
            room.write(secret(text))
        except OSError as error:
            raise unusable(path, f"cannot be written: {error.strerror}") from None


def remove_private(path: Path, *others: Path) -> None:
    """Remove the file and what killed writers have left of it; empty what cannot be removed.

    Args:
        others: more files to remove, before it.

    Raises:
        FileUnusable: neither can be done.
    """
    failed: OSError | None = None
    for each in (*others, *idle(path), path):
        try:
            _discard(each)
        except OSError as error:
            failed = error
    if failed is not None:
        raise unusable(path, f"cannot be removed: {failed.strerror}")


def make_private(folder: Path) -> None:
    """Create the folder, and what is missing above it, mode 0700; or take other people's access away from it.

    Raises:
        OSError: as the operating system has it.
        FileUnusable: it belongs to another user.
    """
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        if not folder.parent.is_dir():
            make_private(folder.parent)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        return
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    _require_owner(folder, found)
    _tighten(folder, found)


def replace_whole(path: Path, text: str) -> None:
    """Replace the file, mode 0600, by way of a temporary one; after a crash it is the old one or the new.

    Raises:
        OSError: as the operating system has it.
    """
    room = Room(path)
    try:
        room.write(Secret(text))
    finally:
        room.leave()


@contextmanager
def room_for(path: Path, size: int = 0) -> Iterator[Room]:
    """Room for what the file is to say next; see `Room`.

    Args:
        size: bytes to make sure of.

    Raises:
        FileUnusable: there is none, or the file is a symbolic link.
    """
    try:
        make_private(path.parent)
        if os.path.islink(path):
            raise unusable(path, "is a symbolic link, and is not replaced")
        room = Room(path, size)
    except OSError as error:
        raise unusable(path, f"cannot be written: {error.strerror}") from None
    try:
        yield room
    finally:
        room.leave()


class Room:
    """Room for what a file is to say next, made before anybody knows what that is.

    A temporary file beside it, mode 0600, filled to size and synced. All that is left to do is to write over that and
    to rename it.

    Args:
        size: bytes to make sure of.

    Attributes:
        temporary: the temporary file.
        whole: it holds what the file is to say, and that outlives a power cut.
        stays: it is left there for whoever looks for it.

    Raises:
        OSError: as the operating system has it.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}.tmp")
        self.whole = self.stays = False
        self._path = path
        _rooms.add(self.temporary)
        self._descriptor: int | None = os.open(self.temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        if size:
            try:
                _overwrite(self._descriptor, b" " * size)
            except BaseException:
                self.leave()
                raise

    def write(self, text: Secret, *, in_place: bool = False) -> None:
        """Have the file say it.

        Args:
            in_place: where the temporary file cannot be renamed, write over the file itself whatever the reason is;
                otherwise only where it is mounted alone, as containers have it.

        Raises:
            OSError: as the operating system has it.
        """
        assert self._descriptor is not None
        _overwrite(self._descriptor, text.reveal().encode())
        self.whole = True
        self._close()
        try:
            _rename(self.temporary, self._path)
        except OSError as error:
            if error.errno != errno.EBUSY and not in_place:
                raise
            write_over(self._path, text)
        _sync_folder(self._path.parent)
        self.leave()
        sweep(self._path)

    def leave(self) -> None:
        """Remove the temporary file, if it is still there and does not stay."""
        self._close()
        _rooms.discard(self.temporary)
        if not self.stays:
            with suppress(OSError):
                os.unlink(self.temporary)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):  # what was synced stays, whatever this says
                os.close(descriptor)


def write_over(path: Path, text: Secret) -> None:
    """Have the file say it without replacing it; whoever is killed meanwhile leaves it torn.

    Raises:
        OSError: as the operating system has it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | _BINARY | _NOFOLLOW | _NONBLOCK, 0o600)
    try:
        _overwrite(descriptor, text.reveal().encode())
    finally:
        os.close(descriptor)


def leftovers(path: Path) -> tuple[Path, ...]:
    """The file's temporary files, of whomever."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.\d+\.\d+\.tmp")
    try:
        return tuple(path.parent / name for name in os.listdir(path.parent) if pattern.fullmatch(name))
    except OSError:
        return ()


def sweep(path: Path) -> None:
    """Remove the temporary files of writers that were killed."""
    for leftover in idle(path):
        with suppress(OSError):
            os.unlink(leftover)


def idle(path: Path) -> list[Path]:
    """The file's temporary files whose writers were killed."""
    return [left for left in leftovers(path) if not _in_use(left)]


def _in_use(temporary: Path) -> bool:
    """Whether the writer of a temporary file may still be at it."""
    pid = int(temporary.name.split(".")[-3])
    return temporary in _rooms if pid == os.getpid() else _alive(pid)


def _alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # os.kill(pid, 0) would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def is_own(found: os.stat_result) -> bool:
    """Whether a file is this user's. Windows has no owners of this kind."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def _require_owner(path: Path, found: os.stat_result) -> None:
    """As ssh has it: what belongs to neither this user nor root was put there by somebody else."""
    if found.st_uid != 0 and not is_own(found):
        raise unusable(path, "belongs to another user, and is not used", foreign=True)


def _tighten(path: Path, found: os.stat_result) -> None:
    """Take other people's access away. What root has put there is as root wants it."""
    if os.name != "posix" or not stat.S_IMODE(found.st_mode) & 0o077 or not is_own(found):
        return
    mode = stat.S_IMODE(found.st_mode)
    try:
        os.chmod(path, mode & 0o700)
    except OSError as error:
        notice(f"{path} is open to other users (mode {mode:o}), and stays so: {error.strerror}.")
    else:
        notice(f"{path} was open to other users (mode {mode:o}). Now it is yours alone.")


def _content(descriptor: int) -> bytes:
    return b"".join(iter(lambda: os.read(descriptor, 1 << 16), b""))


def _overwrite(descriptor: int, data: bytes) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    done = 0
    while done < len(data):
        done += os.write(descriptor, data[done:])
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _rename(source: Path, target: Path) -> None:
    for _ in range(40):
        try:
            return os.replace(source, target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _DENIED_FOR_A_MOMENT:
                raise
            sleep(0.05)
    return os.replace(source, target)


def _discard(path: Path) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        if not os.path.lexists(path):
            return
        # it may be mounted alone, or its folder may not be written
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | _NOFOLLOW | _NONBLOCK)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """A rename outlives a power cut only when its folder has been written too."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
