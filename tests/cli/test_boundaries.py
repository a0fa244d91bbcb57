"""Where dagctl ends, nothing leaves raw: not by the command line, nor by the three functions, nor by `connect`."""

from __future__ import annotations

import base64
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from tests.cli.test_program import program, raising

import dagctl
from dagctl import _functions
from dagctl._wiring import connect
from dagctl.domain.errors import DagctlError, FileUnusable
from dagctl.domain.values.platform import ApiAccess

posix = pytest.mark.skipif(os.name != "posix", reason="users and modes of POSIX")

RAW: dict[str, tuple[Exception, str]] = {
    "a file": (PermissionError(errno.EACCES, "Permission denied", "/some/file"), "/some/file cannot be used: Perm"),
    "bytes": (OSError(errno.EIO, "Input/output error", b"/some/file"), "/some/file cannot be used: Input/output"),
    "no file": (OSError(errno.EMFILE, "Too many open files"), "The operating system refused .*: Too many open files"),
    "a time-out": (TimeoutError(), "The operating system refused .*: TimeoutError"),
    "threads": (RuntimeError("can't start new thread"), "Python cannot continue: can't start new thread"),
    "a name": (OSError(errno.ENOENT, "No such file", "a\x1b[2Jb\n"), r"a \[2Jb cannot be used: No such file"),
    "a socket": (BrokenPipeError(errno.EPIPE, "Broken pipe"), "The operating system refused .*: Broken pipe"),
}
BUGS = [RecursionError("too deep"), NotImplementedError(), ZeroDivisionError(), KeyError("x")]


@pytest.mark.parametrize("name", RAW)
def test_a_command(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_HOME", str(home))
    error, words = RAW[name]
    code, out, err = program(raising(error))
    assert (code, out) == (1, "")
    with pytest.raises(DagctlError, match=words):
        raise DagctlError(err)
    assert not (home / "bug.log").exists()


@pytest.mark.parametrize("error", BUGS)
def test_a_bug_stays_one(error: Exception, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_HOME", str(home))
    assert program(raising(error))[0] == 70
    assert (home / "bug.log").exists()


FUNCTIONS: dict[str, Callable[[], object]] = {
    "get_fresh_token": lambda: dagctl.get_fresh_token(),
    "check_environment_protection": lambda: dagctl.check_environment_protection("dev"),
    "get_state_connection": lambda: dagctl.get_state_connection(),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", RAW)
def test_a_function(function: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, words = RAW[name]

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(_functions, "_client", fail)
    with pytest.raises(DagctlError, match=words):
        FUNCTIONS[function]()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_bugs_of_its_own(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RecursionError

    monkeypatch.setattr(_functions, "_client", fail)
    with pytest.raises(RecursionError):
        FUNCTIONS[function]()


@pytest.mark.parametrize("name", RAW)
def test_connect(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error, words = RAW[name]

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr("dagctl._wiring.overrides_from", fail)
    with pytest.raises(DagctlError, match=words):
        connect(storage=tmp_path, environ={}, folder=tmp_path)


# what is known to happen


def test_threads_are_used_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    client = connect(storage=tmp_path, environ={}, folder=tmp_path)

    def ask(app: object) -> int:
        client.projects.api.projects(ApiAccess("https://localhost:1", "token"))
        return 0

    monkeypatch.setattr(Thread, "start", refuse)
    code, _, err = program(ask)
    assert (code, err) == (1, "dagctl: Python cannot continue: can't start new thread.\n")


@contextmanager
def somebody() -> Iterator[None]:
    """Be somebody whom modes stop."""
    if os.geteuid():
        yield
        return
    os.seteuid(54321)
    try:
        yield
    finally:
        os.seteuid(0)


@posix
def test_a_parent_of_the_folder_that_may_not_be_searched(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "project"
    folder.mkdir(parents=True)
    folder.parent.chmod(0)
    try:
        with somebody(), pytest.raises(FileUnusable, match=r"cannot check .* for a \.dagctl\.yaml: Perm") as caught:
            connect(storage=tmp_path, environ={}, folder=folder)
        with somebody():
            connect(storage=tmp_path, environ={"DAGCTL_ORG": "acme", "DAGCTL_PROJECT": "shop"}, folder=folder)
    finally:
        folder.parent.chmod(0o700)
    assert caught.value.path == str(folder)


@posix
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_folder_that_is_gone_is_named_by_the_functions(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileUnusable, match=r"The working directory is gone"):
        FUNCTIONS[function]()


Homeless = Callable[..., "subprocess.CompletedProcess[str]"]

HOMELESS = """
import os, pwd, sys
def nobody(uid):
    raise KeyError(uid)
pwd.getpwuid = nobody
del os.environ["HOME"]
from dagctl.cli.main import entry_point
entry_point()
"""


@pytest.fixture
def homeless(environ: Mapping[str, str], tmp_path: Path) -> Homeless:
    """Run `dagctl ARGS…` as a user without HOME and without an entry in passwd, as containers have them."""
    bare = {name: value for name, value in environ.items() if name != "DAGCTL_HOME"}

    def run(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", HOMELESS, *args]
        return subprocess.run(
            command, env={**bare, **variables}, cwd=tmp_path, text=True, capture_output=True, timeout=120
        )

    return run


@posix
def test_without_a_home_there_is_a_sentence(homeless: Homeless) -> None:
    for command in (("auth", "status"), ("auth", "token"), ("config", "current"), ("doctor",)):
        done = homeless(*command)
        assert done.returncode == 1, done.stderr
        assert "dagctl cannot determine your home directory." in done.stdout + done.stderr
        assert "bug" not in done.stderr


@posix
@pytest.mark.parametrize(
    ("command", "code", "shown"),
    [
        (("auth", "token"), 0, "an-access-token\n"),
        (("auth", "status"), 0, ""),
        (("config", "current"), 0, "acme"),
        (("auth", "list"), 0, ""),
        (("auth", "logout"), 1, ""),
        (("auth", "switch", "acme"), 1, ""),
        (("use-project", "shop"), 1, ""),
    ],
)
def test_a_job_needs_no_home(
    homeless: Homeless, tmp_path: Path, command: tuple[str, ...], code: int, shown: str
) -> None:
    before = list(tmp_path.iterdir())
    variables = {
        "DAGCTL_ACCESS_TOKEN": "an-access-token",
        "DAGCTL_ID_TOKEN": _lasting("ada"),
        "DAGCTL_ORG": "acme",
        "DAGCTL_PROJECT": "shop",
        "DAGCTL_STATE_SSLMODE": "verify-full",
    }
    done = homeless(*command, **variables)
    assert done.returncode == code, done.stderr
    assert shown in done.stdout
    assert "home" not in done.stderr
    assert "bug" not in done.stderr
    assert list(tmp_path.iterdir()) == before


def _lasting(subject: str) -> str:
    """An ID token that lives for long and does not say whose it is."""
    parts = ({"alg": "RS256"}, {"sub": subject, "exp": 4_000_000_000})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join((*encoded, "c2lnbmF0dXJl"))
