"""Many at once on one token that has to be renewed: one of them renews it, and all of them get the new one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Semaphore

import pytest
from tests.e2e.sessions.conftest import ACME, GLOBEX, Machine

from dagctl import Dagctl
from dagctl.adapters.files.tokens import FileTokenStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROCESSES, THREADS = 64, 16
TOKEN = ("-m", "dagctl", "auth", "token")

EXPIRING, DEAD = timedelta(minutes=1), timedelta(minutes=-1)
CASES = {
    "a token about to expire": (ACME, EXPIRING),
    "a dead token": (ACME, DEAD),
    "a token put aside, about to expire": (GLOBEX, EXPIRING),
    "a dead token put aside": (GLOBEX, DEAD),
}


class Herd:
    """Everybody who wants a token of one account.

    Attributes:
        folder: where the account's tokens are.
        old: the access token that they find.
    """

    def __init__(self, machine: Machine, org: str, left: timedelta) -> None:
        machine.signs_in(GLOBEX)
        machine.signs_in(ACME)
        self.machine = machine
        self.org = org
        self.old = str(machine.expire(left, org)["access_token"])
        (place,) = machine.look().sessions[org]
        self.folder = machine.home / place
        self._renewals, self._reuses = machine.renewals(), machine.reuses()

    def start(self, *program: str, **environ: str) -> subprocess.Popen[str]:
        """A process that has an interpreter of its own."""
        return subprocess.Popen(
            [sys.executable, *program],
            env={**self.machine.environ, "DAGCTL_ORG": self.org, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def kept(self) -> str:
        """The access token on disk."""
        return str(json.loads((self.folder / "auth.json").read_text())["access_token"])

    @property
    def seen(self) -> tuple[int, int]:
        """How many renewals the issuer has granted since the beginning, and how many reuses it has met."""
        return self.machine.renewals() - self._renewals, self.machine.reuses() - self._reuses

    def see_that_all_is_well(self, tokens: Sequence[str]) -> None:
        """All have got the same new token, by one renewal, and the session lives on."""
        assert set(tokens) == {self.kept}
        assert self.kept != self.old
        assert self.seen == (1, 0)
        assert self.machine.look().leftovers == ()
        assert self.machine.run("auth", "refresh", org=self.org).code == 0


def _said(process: subprocess.Popen[str]) -> str:
    """What a process has printed that has ended well."""
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return out.strip()


@pytest.mark.parametrize("case", ["a token about to expire", "a dead token put aside"])
def test_processes(machine: Machine, case: str) -> None:
    herd = Herd(machine, *CASES[case])
    processes = [herd.start(*TOKEN) for _ in range(PROCESSES)]
    herd.see_that_all_is_well([_said(process) for process in processes])


@pytest.mark.parametrize("case", CASES)
def test_threads(machine: Machine, case: str, gate: Gate) -> None:
    herd = Herd(machine, *CASES[case])
    with ThreadPoolExecutor(THREADS) as pool, gate.held(herd.folder):
        asked = _ask(herd, pool)
        gate.wait_for(THREADS)
    herd.see_that_all_is_well([future.result() for future in asked])


@pytest.mark.parametrize("case", ["a token about to expire", "a dead token put aside"])
def test_processes_and_threads(machine: Machine, case: str, gate: Gate) -> None:
    """All of them have read the old token, and stand before the lock, when it is opened."""
    herd = Herd(machine, *CASES[case])
    with ThreadPoolExecutor(THREADS) as pool:
        with gate.held(herd.folder):
            processes = [herd.start("-c", GATED, "auth", "token") for _ in range(PROCESSES)]
            asked = _ask(herd, pool)
            gate.wait_for(THREADS)
            for process in processes:
                _wait_for_the_gate(process)
        tokens = [_said(process) for process in processes]
    herd.see_that_all_is_well([*tokens, *(future.result() for future in asked)])


def _ask(herd: Herd, pool: ThreadPoolExecutor) -> list[Future[str]]:
    """Threads that share a client, threads that share another, and threads with clients of their own."""
    shared, too = herd.machine.connect(herd.org), herd.machine.connect(herd.org)
    clients = [*[shared] * 5, *[too] * 5, *(herd.machine.connect(herd.org) for _ in range(THREADS - 10))]
    return [pool.submit(_fresh, client) for client in clients]


def _fresh(client: Dagctl) -> str:
    return client.session.fresh().access_token.reveal()


class Gate:
    """The lock of a token store, held until everybody stands before it."""

    def __init__(self) -> None:
        self._arrived = Semaphore(0)
        self._lock = FileTokenStore.lock

    def lock(self, store: FileTokenStore) -> AbstractContextManager[object]:
        """`FileTokenStore.lock`, after noting who wants it."""
        self._arrived.release()
        return self._lock(store)

    @contextmanager
    def held(self, folder: Path) -> Iterator[None]:
        """Hold it for the length of a block."""
        with self._lock(FileTokenStore(folder)):
            yield

    def wait_for(self, threads: int) -> None:
        """Return when so many threads of this process stand before it."""
        for _ in range(threads):
            assert self._arrived.acquire(timeout=120)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """The gate; whoever waits before it is patient."""
    gate = Gate()
    monkeypatch.setattr(FileTokenStore, "lock", lambda store: gate.lock(store))
    monkeypatch.setitem(FileTokenStore.__init__.__kwdefaults__ or {}, "patience", 600.0)
    return gate


GATED = """
import os, sys
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.cli.main import main

def lock(store, real=FileTokenStore.lock):
    print("at the gate", file=sys.stderr, flush=True)
    return real(store)

FileTokenStore.lock = lock
FileTokenStore.__init__.__kwdefaults__["patience"] = float(os.environ.get("PATIENCE", "600"))
sys.exit(main(sys.argv[1:]))
"""


AT_THE_GATE = "at the gate\n"


def _wait_for_the_gate(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert process.stderr.readline() == AT_THE_GATE


HOLDING = """
import os, signal, sys
from dagctl.adapters.http.identity import HttpIdentityProvider
from dagctl.cli.main import main

def refresh(*args, real=HttpIdentityProvider.refresh):
    if os.environ["STOP"] == "before":
        os.kill(os.getpid(), signal.SIGSTOP)
    answer = real(*args)
    if os.environ["STOP"] == "after":
        os.kill(os.getpid(), signal.SIGSTOP)
    return answer

HttpIdentityProvider.refresh = refresh
sys.exit(main(sys.argv[1:]))
"""
"""A process that stops itself while it holds the lock: before it asks the issuer, or after it was answered."""


@contextmanager
def _holding(herd: Herd, stop: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has stopped so; it is gone after the block."""
    with herd.start("-c", HOLDING, "auth", "token", STOP=stop) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            yield process
        finally:
            process.kill()


OTHERS = 4


@pytest.mark.parametrize("case", ["a token about to expire", "a dead token put aside"])
@pytest.mark.parametrize("stop", ["before", "after"])
def test_whoever_is_killed_with_the_lock_blocks_nobody(machine: Machine, case: str, stop: str) -> None:
    herd = Herd(machine, *CASES[case])
    with _holding(herd, stop) as holder:
        others = [herd.start("-c", GATED, "auth", "token") for _ in range(OTHERS)]
        for process in others:
            _wait_for_the_gate(process)
        holder.kill()
        holder.wait()  # a zombie looks alive
        ended = [(*process.communicate(timeout=120), process.returncode) for process in others]

    if stop == "before":
        herd.see_that_all_is_well([out.strip() for out, _, _ in ended])
        return
    assert herd.seen == (1, 1)  # the new tokens have died with it, and the next renewal is a reuse
    if CASES[case][1] == EXPIRING:
        assert ended == [(f"{herd.old}\n", "", 0)] * OTHERS
    else:
        lost, gone = ("", machine.ended(herd.org), 4), ("", machine.signed_out(herd.org), 4)
        assert sorted(ended) == sorted([lost, *[gone] * (OTHERS - 1)])


@pytest.mark.parametrize("case", ["a token put aside, about to expire", "a dead token"])
@pytest.mark.parametrize("stop", ["before", "after"])
def test_whoever_is_stopped_with_the_lock_is_waited_for_and_then_named(machine: Machine, case: str, stop: str) -> None:
    herd = Herd(machine, *CASES[case])
    with _holding(herd, stop) as holder:
        others = [herd.start("-c", GATED, "auth", "token", PATIENCE="0.5") for _ in range(OTHERS)]
        ended = [(*process.communicate(timeout=120), process.returncode) for process in others]
        holder.send_signal(signal.SIGCONT)
        fresh = _said(holder)

    if CASES[case][1] == EXPIRING:
        assert ended == [(f"{herd.old}\n", AT_THE_GATE, 0)] * OTHERS
    else:
        sentence = f"dagctl: Another dagctl has held {herd.folder / '.auth.lock'} for 0.5 seconds.\n"
        cure = "  Find the dagctl or sqlmesh process that hangs, and end it.\n"
        assert ended == [("", f"{AT_THE_GATE}{sentence}{cure}", 1)] * OTHERS
    herd.see_that_all_is_well([fresh])


def test_the_wait_is_bounded_where_nobody_says_how_long() -> None:
    assert 0 < (FileTokenStore.__init__.__kwdefaults__ or {})["patience"] <= 60
