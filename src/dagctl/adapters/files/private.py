"""Files that only their owner may read, and that are written completely or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from time import sleep, time, time_ns

from dagctl.adapters.system.notices import notice
from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.domain.values.secret import Secret, secret

_serial = count(time_ns())  # higher than in a killed process with our PID, which is common in containers
_rooms: set[Path] = set()
"""The temporary files that this process is writing."""

LEFTOVER = re.compile(r"\.(.+)\.\d+\.\d+\.tmp")
"""The name of a temporary file: that of the file, the writer's PID, and a number."""

_BINARY, _NOFOLLOW, _NONBLOCK = (getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"))
_DENIED_FOR_A_MOMENT = (5, 32)
"""The errors of Windows while another program, such as a virus scanner, has the file open."""
_RENAMED_WITHIN = 60.0
"""Seconds that a living writer takes at most to rename a temporary file that it has closed."""


def read_private(path: Path, *, tighten: bool = False) -> str | None:
    """The file's text; None if there is no file.

    Args:
        tighten: remove other users' access to it, and say so.

    Raises:
        FileUnusable: it cannot be read, is a symbolic link, or belongs to another user.
        FileCorrupt: it is not UTF-8.
    """
    try:
        descriptor = _opened(path, os.O_RDONLY, tighten=tighten)
        try:
            # no variable for the bytes, and no codec that is written in Python: a traceback would show what they hold
            text = b"".join(iter(lambda: os.read(descriptor, 1 << 16), b"")).decode()
            return text.removeprefix("\ufeff").replace("\r\n", "\n")  # Windows' editors put a BOM first
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise FileCorrupt(f"{path} is not a text file.", path=str(path), role="home") from None
    except OSError as error:
        raise _not_opened(path, error, "read") from None


def append_private(path: Path) -> int:
    """A descriptor that appends to the file, mode 0600; other people's access to it is taken away.

    Raises:
        FileUnusable: it cannot be written, is a symbolic link, or belongs to another user.
    """
    try:
        return _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, tighten=True)
    except OSError as error:
        raise _not_opened(path, error, "written") from None


def _opened(path: Path, flags: int, *, tighten: bool) -> int:
    descriptor = os.open(path, flags | _BINARY | _NOFOLLOW | _NONBLOCK, 0o600)
    try:
        found = os.fstat(descriptor)  # not `os.stat(path)`, which could see another file by now
        if not stat.S_ISREG(found.st_mode):  # a pipe may block for ever
            raise unusable(path, "is not a regular file")
        _require_owner(path, found)
        if tighten:
            _tighten(path, found)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _not_opened(path: Path, error: OSError, done: str) -> FileUnusable:
    if os.path.islink(path):
        return unusable(path, "is a symbolic link, which dagctl does not follow")
    return unusable(path, f"cannot be {done}: {error.strerror}")


def unusable(path: Path, why: str, *, foreign: bool = False) -> FileUnusable:
    """The error for a file or folder in the dagctl home. `why` completes a sentence whose subject is the path."""
    return FileUnusable(f"{path} {why}.", path=str(path), role="home", link=os.path.islink(path), foreign=foreign)


def write_private(path: Path, text: str | Secret) -> None:
    """Replace the file, with mode 0600 from the start. After a crash it holds the old text or the new.

    Args:
        text: a `Secret` if tracebacks must not show it.

    Raises:
        FileUnusable: it cannot be written, or is a symbolic link.
    """
    with room_for(path) as room:
        try:
            room.write(secret(text))
        except OSError as error:
            raise unusable(path, f"cannot be written: {error.strerror}") from None


def remove_private(path: Path, *others: Path) -> None:
    """Remove the file and the leftovers of killed writers. Empty what cannot be removed.

    Args:
        others: more files, to be removed first.

    Raises:
        FileUnusable: a file can be neither removed nor emptied.
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
    """Create the folder and its missing parents with mode 0700; or remove other users' access to it.

    Raises:
        OSError: as the operating system raises it.
        FileUnusable: it belongs to another user.
    """
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        if not folder.parent.is_dir():  # an existing one stays as it is: it may be the user's home
            make_private(folder.parent)
        with suppress(FileExistsError):  # another process was faster
            os.mkdir(folder, 0o700)
        return
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    _require_owner(folder, found)
    _tighten(folder, found)


@contextmanager
def room_for(path: Path, size: int = 0) -> Iterator[Room]:
    """Reserve room for the file's next content; see `Room`.

    Raises:
        FileUnusable: there is no room, or the file is a symbolic link.
    """
    try:
        make_private(path.parent)
        if os.path.islink(path):
            raise unusable(path, "is a symbolic link, which dagctl does not replace")
        room = Room(path, size)
    except OSError as error:
        raise unusable(path, f"cannot be written: {error.strerror}") from None
    with closing(room):
        yield room


class Room:
    """Room for a file's next content, reserved before that content exists.

    It is a temporary file beside the target, with mode 0600, filled to `size` and synced. Overwriting and renaming it
    is all that remains to do.

    Attributes:
        temporary: the temporary file.
        whole: it holds the new content, synced to disk.
        stays: it is kept, for a later reader to find.

    Raises:
        OSError: as the operating system raises it.
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
                self.close()
                raise

    def write(self, text: Secret, *, in_place: bool = False) -> None:
        """Make `text` the file's content.

        Args:
            in_place: overwrite the file itself if the rename fails for any reason. Otherwise that happens only for a
                file that is a mount point, as in containers.

        Raises:
            OSError: as the operating system raises it.
        """
        assert self._descriptor is not None
        _overwrite(self._descriptor, text.reveal().encode())
        self.whole = True  # synced first: the rename could reach the disk before the content
        self._close_file()  # Windows renames no open file
        try:
            _rename(self.temporary, self._path)
        except OSError as error:
            if error.errno != errno.EBUSY and not in_place:  # of a mount point, on Linux
                raise
            write_over(self._path, text)
        _sync_folder(self._path.parent)
        self.close()
        sweep(idle(self._path))

    def close(self) -> None:
        """Remove the temporary file if it still exists and is not to stay."""
        self._close_file()
        _rooms.discard(self.temporary)
        if not self.stays:
            with suppress(OSError):
                os.unlink(self.temporary)

    def _close_file(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):  # the content is synced already
                os.close(descriptor)


def write_over(path: Path, text: Secret) -> None:
    """Overwrite the file in place. A process that is killed meanwhile leaves it torn.

    Raises:
        OSError: as the operating system raises it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | _BINARY | _NOFOLLOW | _NONBLOCK, 0o600)
    try:
        _overwrite(descriptor, text.reveal().encode())
    finally:
        os.close(descriptor)


def leftovers(path: Path) -> tuple[Path, ...]:
    """The file's temporary files, of any process."""
    try:
        names = os.listdir(path.parent)
    except OSError:
        return ()
    found = (LEFTOVER.fullmatch(name) for name in names)
    return tuple(path.with_name(match[0]) for match in found if match and match[1] == path.name)


def sweep(temporary: Iterable[Path]) -> None:
    """Remove temporary files, if possible: the next writer tries again."""
    for path in temporary:
        with suppress(OSError):
            os.unlink(path)


def idle(path: Path) -> list[Path]:
    """The temporary files of killed writers."""
    return [left for left in leftovers(path) if not _in_use(left)]


def _in_use(temporary: Path) -> bool:
    """Whether the writer of a temporary file may still be running."""
    pid = int(temporary.name.split(".")[-3])
    if pid == os.getpid():
        return temporary in _rooms
    if os.name != "posix":  # on Windows, `os.kill(pid, 0)` would end the process, and an open file is not removed
        with suppress(OSError):
            return time() - os.stat(temporary).st_mtime < _RENAMED_WITHIN
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's process, or too large for a PID of this system
        return True
    return True


def is_own(found: os.stat_result) -> bool:
    """Whether a file belongs to this user. Windows has no owners of this kind."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def _require_owner(path: Path, found: os.stat_result) -> None:
    """As in ssh: a file that belongs to neither this user nor root is somebody else's work."""
    if found.st_uid != 0 and not is_own(found):
        raise unusable(path, "belongs to another user, so dagctl does not use it", foreign=True)


def _tighten(path: Path, found: os.stat_result) -> None:
    """Remove other users' access. What belongs to root is left as root set it."""
    if os.name != "posix" or not stat.S_IMODE(found.st_mode) & 0o077 or not is_own(found):
        return
    mode = stat.S_IMODE(found.st_mode)
    try:
        os.chmod(path, mode & 0o700)
    except OSError as error:
        notice(f"{path} is open to other users (mode {mode:o}), and dagctl cannot change that: {error.strerror}.")
    else:
        notice(f"{path} was open to other users (mode {mode:o}). dagctl made it private.")


def _overwrite(descriptor: int, data: bytes) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    done = 0
    while done < len(data):  # `os.write` may write only a part
        done += os.write(descriptor, data[done:])
    os.ftruncate(descriptor, len(data))  # only now, so that the room stays reserved while writing
    os.fsync(descriptor)


def _rename(source: Path, target: Path) -> None:
    for _ in range(40):  # two seconds
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
        # a mount point, or in a read-only folder: the tokens must go, even if the file stays
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | _NOFOLLOW | _NONBLOCK)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """A rename survives a power cut only once its folder is synced too."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
