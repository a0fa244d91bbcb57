"""The sandbox as a process of its own, which other processes start, find and stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from attrs import asdict

from dagctl.adapters.files.private import read_private, remove_private, write_private
from dagctl.adapters.platform_model.people import Person
from dagctl.adapters.sandbox.lock import held, is_held
from dagctl.adapters.sandbox.options import SandboxOptions
from dagctl.domain import errors
from dagctl.domain.errors import DagctlError, SandboxProblem

if TYPE_CHECKING:
    from dagctl.adapters.sandbox.running import Sandbox

PATIENCE = 90.0


class Supervisor:
    """The sandbox of a dagctl home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / "sandbox"
        self._state = self._folder / "sandbox.json"
        self.log = self._folder / "sandbox.log"

    def status(self) -> dict[str, Any] | None:
        """Where the running sandbox is; None if there is none. While it starts, there is only a `pid`."""
        if not is_held(self._folder):
            return None
        with suppress(ValueError):
            found = json.loads(read_private(self._state) or "null")
            if isinstance(found, dict):
                return found
        return {}

    def run(self, options: SandboxOptions, ready: Callable[[Mapping[str, Any]], None]) -> None:
        """Run the sandbox until SIGINT, SIGTERM, or the end of the terminal.

        Args:
            ready: called with where the sandbox is, once it is up.

        Raises:
            DagctlError: one runs already, it cannot start, or its PostgreSQL has ended.
        """
        from dagctl.adapters.sandbox.running import Sandbox

        over = Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: over.set())
        with self._only_one():
            sandbox = Sandbox(options, self._folder)
            try:
                sandbox.start()
                where = _where(sandbox)
                self._write(where)
                ready(where)
                while not over.wait(0.5):
                    sandbox.check()
            finally:
                sandbox.stop()

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        if where := (self.status() or {}).get("api_url"):
            raise SandboxProblem(f"A sandbox is already running: {where}", runs=True)
        with held(self._folder):
            self._write({"pid": os.getpid()})
            try:
                yield
            finally:
                remove_private(self._state)

    def _write(self, where: Mapping[str, Any]) -> None:
        write_private(self._state, json.dumps(where, indent=2) + "\n")

    def start_detached(self, options: SandboxOptions) -> dict[str, Any]:
        """Start the sandbox as a process of its own. Returns where it is, once it is up.

        Raises:
            DagctlError: one runs already, or it cannot start.
        """
        with self._only_one():
            write_private(self.log, "")
        with open(self.log, "ab") as log:
            child = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "dagctl.adapters.sandbox.supervisor", str(self._home.absolute())],
                cwd=self._folder,  # Python would import what lies where the person happens to be
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert child.stdin is not None
        with suppress(BrokenPipeError), child.stdin as pipe:  # not an argument: a database URL may hold a password
            protected = {name: sorted(found) for name, found in options.protected.items()}
            pipe.write(json.dumps({**asdict(options), "protected": protected}).encode())
        end = time.monotonic() + PATIENCE
        while child.poll() is None and time.monotonic() < end:
            status = self.status() or {}
            if status.get("pid") == child.pid and "api_url" in status:
                child.returncode = 0  # Popen would warn of a child that is still running
                return status
            time.sleep(0.05)
        child.kill()
        child.wait()
        self.stop()
        raise self._failure()

    def tables(self, project: str) -> list[tuple[str, int]]:
        """Every table of a project's state database, with its number of rows.

        Raises:
            DagctlError: no sandbox with an embedded PostgreSQL runs.
        """
        from dagctl.adapters.sandbox.databases import tables

        admin = (self.status() or {}).get("admin")
        if not admin:
            raise SandboxProblem("No sandbox with a PostgreSQL of its own runs.")
        return tables(admin[project])

    def stop(self) -> bool:
        """Stop the sandbox, or what a killed one left running. Returns whether anything ran.

        Raises:
            DagctlError: another program runs it for itself, or it does not end.
        """
        running = self.status()
        if running is not None:
            self._end(running.get("pid"))
        if not self._folder.is_dir():
            return False
        from dagctl.adapters.sandbox.postgres import EmbeddedPostgres

        left = EmbeddedPostgres(self._folder).stop()
        remove_private(self._state)
        return running is not None or left

    def _end(self, pid: object) -> None:
        if not isinstance(pid, int):
            raise DagctlError(f"The sandbox in {self._folder} was started by a program for itself, and ends with it.")
        for number, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if not is_held(self._folder):
                    return _wait_for_exit(pid)  # the lock is free a moment before the process ends
                time.sleep(0.05)
        raise DagctlError(f"The sandbox (process {pid}) does not end.")

    def _failure(self) -> DagctlError:
        for line in self.log.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and "raised" in found:
                    raised: DagctlError = getattr(errors, found.pop("raised"))(**found)
                    return raised
        return DagctlError(f"The sandbox did not come up; its log is {self.log}.")


def _wait_for_exit(pid: int) -> None:
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z":
                return  # it has ended, but its parent has not collected it yet
        try:
            os.kill(pid, 0)
        except OSError:
            return
        time.sleep(0.02)


def _where(sandbox: Sandbox) -> dict[str, Any]:
    (host, port), options = sandbox.proxy, sandbox.options
    tenant = options.tenant()
    return {
        "pid": os.getpid(),
        "api_url": sandbox.api_url,
        "issuer": f"https://{sandbox.issuer_host}/",
        "client_id": sandbox.client_id,
        "pg_proxy": {"host": host, "port": port},
        "organization": asdict(tenant.organization),
        "projects": [
            {**asdict(project), "protected_environments": sorted(tenant.protected.get(project.id, ()))}
            for project in tenant.projects
        ],
        "users": [{"email": person.email, "subject": person.subject} for person in options.people],
        "ca_file": str(sandbox.ca_file),
        "ca_bundle": str(sandbox.ca_bundle),
        "admin": {project: sandbox.admin_dsn(project) for project in options.projects}
        if options.database_url is None
        else None,
    }


def _options(plain: dict[str, Any]) -> SandboxOptions:
    people = tuple(Person(**person) for person in plain["people"])
    return SandboxOptions(**{**plain, "people": people, "redirect_uris": tuple(plain["redirect_uris"])})


def main() -> int:
    """The detached sandbox: the argument is its home, its options come on stdin, and its log says why it ended."""
    try:
        Supervisor(Path(sys.argv[1])).run(_options(json.load(sys.stdin)), lambda where: None)
    except DagctlError as error:
        print(json.dumps({"raised": type(error).__name__, **vars(error)}), flush=True)  # noqa: T201 - the log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
