"""Runs `dagctl` in forked children, which can be killed at any moment: hundreds of fresh interpreters would take long.

As a program it reads orders, one JSON object a line, and answers each with another. As a module it is the other end.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any, NoReturn

from attrs import frozen

LIBRARIES = (
    "dagctl._wiring",
    "dagctl.adapters.files.shelf",
    "dagctl.adapters.http.api",
    "dagctl.adapters.http.identity",
    "dagctl.adapters.http.transport",
    "dagctl.adapters.http.trust",
    "dagctl.adapters.plugins.token_stores",
    "dagctl.adapters.sandbox.person",
    "dagctl.adapters.system.loopback",
    "dagctl.adapters.yaml.settings",
    "dagctl.cli.endings",
    "dagctl.cli.main",
    "dagctl.domain.services.accounts",
    "dagctl.domain.services.login",
    "dagctl.domain.services.state",
    "encodings.idna",
    "filelock",
    "ruamel.yaml.mergevalue",
    "urllib3",
    *(
        f"dagctl.cli.commands.{name}"
        for name in (
            *("auth_list", "auth_login", "auth_logout", "auth_refresh", "auth_status", "auth_switch", "auth_token"),
            "use_project",
        )
    ),
)
"""What commands load when they need it; a child finds it loaded."""

CHANGES = frozenset(
    {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
)
"""Audit events of calls that change what is on disk, apart from `open`."""


@frozen
class Ending:
    """How a run has ended.

    Attributes:
        code: the exit code; the signal's number, negative, where one has ended it.
        seconds: from the fork on.
    """

    code: int
    out: str
    err: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether it was killed, and has not ended before."""
        return self.code == -signal.SIGKILL


class Forks:
    """The other end: has the program fork."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self,
        *args: str,
        env: Mapping[str, str],
        kill_after: float | None = None,
        kill_at: int | None = None,
        by: int = signal.SIGKILL,
    ) -> Ending:
        """`dagctl ARGS…` in a child.

        Args:
            env: its environment variables.
            kill_after: kill it so many seconds after the fork, if it still runs.
            by: the signal that does it.
            kill_at: have it kill itself at the so manieth step, if there are that many; see `_die_at`.
        """
        order = {"args": args, "env": dict(env), "kill_after": kill_after, "kill_at": kill_at, "by": by}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the program that forks has ended; its own words say why"
        return Ending(**json.loads(answer))


@contextmanager
def forking() -> Iterator[Forks]:
    """The program, for the length of a block."""
    command = [sys.executable, str(Path(__file__).resolve())]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    """Take orders until there are no more."""
    for name in LIBRARIES:
        with suppress(ModuleNotFoundError):  # an older release of a library has fewer modules
            import_module(name)
    gc.freeze()  # so that children share what is loaded
    while line := sys.stdin.readline():
        print(json.dumps(_carried_out(json.loads(line))), flush=True)


def _carried_out(order: Mapping[str, Any]) -> dict[str, Any]:
    alive, held_by_child = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os.close(alive)
            _child(order, out.fileno(), err.fileno())
        os.close(held_by_child)
        ended, _, _ = select.select([alive], [], [], order["kill_after"])
        if not ended:
            os.kill(pid, order["by"])
        _, status = os.waitpid(pid, 0)
        seconds = time.perf_counter() - begin
        os.close(alive)
        said = [os.pread(file.fileno(), 100_000, 0).decode() for file in (out, err)]
    return {"code": os.waitstatus_to_exitcode(status), "out": said[0], "err": said[1], "seconds": seconds}


def _child(order: Mapping[str, Any], out: int, err: int) -> NoReturn:
    code = 99
    try:
        for ours, theirs in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(ours, theirs)
        os.environ.clear()
        os.environ.update(order["env"])
        _sign_in_by_ourselves()
        if order["kill_at"] is not None:
            _list_settings_first()
            _die_at(order["kill_at"])
        code = import_module("dagctl.cli.main").main(order["args"])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


def _sign_in_by_ourselves() -> None:
    """Have a sign-in's browser be a thread that fills in the page."""
    from dagctl.adapters.sandbox.person import sign_in
    from dagctl.adapters.system.loopback import LoopbackBrowser

    def opener(url: str) -> bool:
        ca_file = Path(os.environ["SSL_CERT_FILE"])
        Thread(target=sign_in, args=(url,), kwargs={"ca_file": ca_file}, daemon=True).start()
        return True

    (LoopbackBrowser.__init__.__kwdefaults__ or {})["opener"] = opener


def _list_settings_first() -> None:
    """The order of a folder's entries is the file system's affair; this is the worst for whoever removes them all."""
    real = os.scandir

    @contextmanager
    def scandir(*args: Any) -> Iterator[list[os.DirEntry[str]]]:
        with real(*args) as entries:
            yield sorted(entries, key=lambda entry: entry.name != "config.yaml")

    os.scandir = scandir  # type: ignore[assignment]


def _die_at(step: int) -> None:
    """Die at a step: just before a change on disk, or just after a file was opened for writing.

    From one step to the next a home looks the same, so whoever has died at each of them has died everywhere. Audit
    hooks (PEP 578) see all ways to change something; patches of `os` would not.
    """
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_the_call(frame: FrameType, event: str, argument: object) -> None:
        sys.setprofile(None)
        count()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        writing = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if writing or event in CHANGES:
            count()
        if writing:
            sys.setprofile(after_the_call)

    sys.addaudithook(watch)


if __name__ == "__main__":
    main()
