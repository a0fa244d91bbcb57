"""PostgreSQL from a wheel, as a child process.

The wheel's own Python interface is not used: as root it opens the home directory to everybody, and it does not
stop a server whose starter was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from dagctl.adapters.files.foreign import foreign_text
from dagctl.adapters.sandbox.placement import environment, placement_for
from dagctl.adapters.sandbox.upstream import Upstream
from dagctl.domain.errors import DagctlError, FileProblem

PORT = 5432
"""The port in the name of the Unix socket; the server does not listen on TCP."""

PATIENCE = 60.0


class EmbeddedPostgres:
    """The PostgreSQL server of the sandbox in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._place = placement_for(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._tied: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self._place.data

    @property
    def log(self) -> Path:
        return self._place.base / "server.log"

    @property
    def alive(self) -> bool:
        """Whether the server that this object started still runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Upstream:
        """Start the server, and first end one that a killed sandbox left running.

        Raises:
            DagctlError: it does not come up; the message names its log.
        """
        self.stop()
        self._end_orphans()
        self._place.prepare()
        binaries = self._place.binaries()
        self._initialize(binaries)
        self._place.note_origin()
        self._remove_locks()
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [binaries / "postgres", "-D", str(self.data), *self._settings()],
                cwd=self.data,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone
                **self._place.identity,
            )
        self._tie(self._process.pid)
        self._wait_until_ready()
        return Upstream(str(self._place.sockets), PORT)

    def _tie(self, pid: int) -> None:
        """Have the server end when this process ends, for whatever reason: the pipe between them closes then."""
        self._tied = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", 'read -r _; kill -INT "$0"', str(pid)],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._place.identity,
        )

    def _untie(self) -> None:
        if self._tied is not None:
            self._tied.kill()
            self._tied.communicate()
            self._tied = None

    def stop(self) -> bool:
        """Stop the server, whichever process started it; returns whether one ran."""
        self._untie()
        pid = self._process.pid if self._process is not None else self._pid()
        if pid is None:
            return False
        # a fast shutdown, then an immediate one (PostgreSQL manual, "Shutting Down the Server")
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if not self._gone(pid, 0):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                self._gone(pid, 5.0)
        self._process = None
        return True

    def _end_orphans(self) -> None:
        """End the children of a killed server: they hold its shared memory, and keep the next server from starting."""
        for entry in Path("/proc").glob("[0-9]*"):  # nothing on macOS, which has no /proc
            with suppress(OSError):
                if (entry / "cwd").readlink() == self.data:
                    os.kill(int(entry.name), signal.SIGKILL)

    def _remove_locks(self) -> None:
        """Remove the lock files of a killed server: another process may have its ID by now."""
        socket = self._place.sockets / f".s.PGSQL.{PORT}"
        self._place.remove(self.data / "postmaster.pid", socket, socket.with_name(f"{socket.name}.lock"))

    def _settings(self) -> list[str]:
        values = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._place.sockets),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "fsync": "off",  # a place to try things out in
            "max_connections": "200",
            "timezone": "UTC",
        }
        return [part for name, value in values.items() for part in ("-c", f"{name}={value}")]

    def _initialize(self, binaries: Path) -> None:
        done_once = self._place.base / "initialized"
        if (self.data / "PG_VERSION").exists() and done_once.exists():
            return
        done_once.unlink(missing_ok=True)
        self._place.begin_anew()  # an initdb that was killed leaves it half done
        done = subprocess.run(  # noqa: S603 - our own binary
            [binaries / "initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            cwd=self.data,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._place.identity,
        )  # fmt: skip
        if done.returncode != 0:
            raise DagctlError(f"PostgreSQL's data cannot be made in {self.data}: {done.stderr.strip()[-300:]}")
        done_once.touch()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.alive:
            if self._recorded(7) == "ready":
                return
            time.sleep(0.02)
        self.stop()
        raise DagctlError(f"PostgreSQL did not come up; its log is {self.log}.")

    def _pid(self) -> int | None:
        """The process of the server on these data, if one runs. Its recorded ID may be another process's by now."""
        text = self._recorded(0)
        pid = int(text) if text.isdecimal() else 0
        return pid if pid and self._is_server(pid) else None

    def _is_server(self, pid: int) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            looked_up = ["/bin/ps", "-o", "command=", "-p", str(pid)]
            try:
                command = subprocess.run(looked_up, capture_output=True, text=True, check=False).stdout  # noqa: S603
            except OSError:
                return False
        return "postgres" in command and str(self.data) in command

    def _gone(self, pid: int, patience: float) -> bool:
        """Whether the process has ended within `patience` seconds."""
        end = time.monotonic() + patience
        while True:
            if self._process.poll() is not None if self._process is not None else not self._is_server(pid):
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)

    def _recorded(self, line: int) -> str:
        """A line of the server's lock file: 0 is its process, 7 its status (`pidfile.h` in PostgreSQL's source)."""
        try:
            lines = foreign_text(self.data / "postmaster.pid").splitlines()
        except FileProblem:
            return ""
        return lines[line].strip() if len(lines) > line else ""
