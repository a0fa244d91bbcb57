"""Runs dagctl's commands where this machine plays Windows, as far as it can: `python windows.py COMMAND…`.

Each argument is a whole command line. Only dagctl meets the limits: the libraries below it are this system's, and are
imported before. The exit code is that of the first command that fails.
"""

from __future__ import annotations

import errno
import importlib
import ntpath
import os
import pathlib
import pkgutil
import posixpath
import select
import shlex
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable
from types import ModuleType
from typing import Any

NOT_THERE = """
    O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown fchmod fchown fork forkpty getegid geteuid
    getgid getgroups getpgid getpgrp getsid getuid initgroups killpg lchown mkfifo mknod nice openpty pipe2 posix_spawn
    posix_spawnp pread pwrite readv register_at_fork setegid seteuid setgid setgroups setpgid setsid setuid statvfs
    sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4 waitid writev
""".split()  # noqa: SIM905 - one a line would be long
"""What Python's `os` lacks on Windows."""

SIGNALS = {"SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV"}
"""All that Windows knows here."""

NO_MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")


LIBRARIES = """
    argcomplete cattrs encodings.idna filelock http.server psycopg2 ruamel.yaml ssl subprocess tempfile textwrap urllib3
    urllib3.contrib webbrowser
""".split()  # noqa: SIM905 - one a line would be long
"""What commands load when they need it; these belong to this machine, and not to Windows."""


class Facade(ModuleType):
    """A module, with some of its names replaced and others gone."""

    def __init__(self, real: ModuleType, gone: set[str], **other: Any) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(other, _real=real, _gone=gone)

    def __getattr__(self, name: str) -> Any:
        if name in self._gone:
            raise AttributeError(f"Windows has no {self.__name__}.{name}")
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._real, name, value)


class Files:
    """Files of Windows: an open one is neither renamed nor removed, and a replacement is denied for a moment."""

    def __init__(self) -> None:
        self._open: dict[int, str] = {}
        self._denied: set[str] = set()

    def open(self, path: str | os.PathLike[str], *args: Any, **others: Any) -> int:
        descriptor = os.open(path, *args, **others)
        self._open[descriptor] = os.path.abspath(path)
        return descriptor

    def close(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        os.close(descriptor)

    def unlink(self, path: str | os.PathLike[str]) -> None:
        self._require_closed(path)
        os.unlink(path)

    def replace(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        self._require_closed(source)
        self._require_closed(target)
        if str(source) not in self._denied:
            self._denied.add(str(source))
            raise denied(5)
        os.replace(source, target)

    def _require_closed(self, path: str | os.PathLike[str]) -> None:
        if os.path.abspath(path) in self._open.values():
            raise denied(32)


def denied(code: int) -> PermissionError:
    """Windows' `ERROR_ACCESS_DENIED` (5) or `ERROR_SHARING_VIOLATION` (32)."""
    error = PermissionError(errno.EACCES, "Access is denied")
    error.winerror = code  # type: ignore[attr-defined,unused-ignore]
    return error


def kill(pid: int, number: int) -> None:
    sys.exit(f"os.kill({pid}, {number}) ends a process on Windows")


def of_sockets(*lists: Any) -> Any:
    """Windows' `select`: what is no socket is refused."""
    for each in lists[0] + lists[1] + lists[2]:
        if not isinstance(each, socket.socket) and not hasattr(each, "family"):
            raise OSError(10038, "An operation was attempted on something that is not a socket")
    return select.select(*lists)


def home(path: Any) -> Any:
    """`%USERPROFILE%`, and nothing of `HOME`."""
    return ntpath.expanduser(path)


def play(more: tuple[str, ...] = ()) -> Callable[[list[str]], int]:
    """Have this be Windows; returns what runs a command line.

    Args:
        more: other libraries to import before.
    """
    import dagctl

    for module in pkgutil.walk_packages(dagctl.__path__, "dagctl."):
        if ".sandbox" not in module.name and ".sqlmesh" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in (*LIBRARIES, *more):
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "dagctl"]:
        del sys.modules[name]
    files = Files()
    replaced = {"open": files.open, "close": files.close, "replace": files.replace, "kill": kill}
    replaced |= {"unlink": files.unlink, "remove": files.unlink}
    sys.modules["os"] = Facade(os, set(NOT_THERE), name="nt", **replaced)
    sys.modules["select"] = Facade(select, {"poll", "epoll", "kqueue"}, select=of_sockets)
    others = {name for name in dir(signal) if name.startswith("SIG") and name not in SIGNALS and "_" not in name}
    sys.modules["signal"] = Facade(signal, others | {"pthread_sigmask", "alarm", "setitimer", "sigwait"})
    for name in NO_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    setattr(urllib.request, "getproxies_registry", dict)  # noqa: B010 - it is there on Windows alone
    posixpath.expanduser = home
    if accessor := getattr(pathlib, "_NormalAccessor", None):  # Python 3.10
        accessor.expanduser = staticmethod(home)
    sys.modules["sys"] = Facade(sys, set(), platform="win32")
    # Windows binds to a port whose last connection is in TIME_WAIT; here that takes the option
    importlib.import_module("dagctl.adapters.system.listener")._Server.allow_reuse_address = True
    return importlib.import_module("dagctl.cli.main").main  # type: ignore[no-any-return]


def main(commands: list[str]) -> int:
    """Run `commands` until one fails."""
    run = play(("sqlmesh.core.config.loader",) if any("generate" in command for command in commands) else ())
    return next((code for command in commands if (code := run(shlex.split(command)))), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
