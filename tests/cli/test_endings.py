"""How a run ends does not depend on who reads what it writes, nor on what the machine is short of."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.testing import MemoryPlatform, connected

posix = pytest.mark.skipif(os.name != "posix", reason="pipes and limits of POSIX")

Start = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def start(environ: Mapping[str, str], tmp_path: Path) -> Start:
    """Run `dagctl ARGS…` with streams of the test's own."""

    def start(*args: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "dagctl", *args]
        return subprocess.run(command, env=environ, cwd=tmp_path, timeout=120, **options)

    return start


@contextmanager
def unread() -> Iterator[int]:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def no_room() -> None:
    """Have every write to a file fail (EFBIG), as on a disk that is full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


COMMANDS = [
    (("auth", "status"), 4),
    (("auth", "status", "--json"), 4),
    (("auth", "token"), 4),
    (("config", "current"), 0),
    (("config", "current", "--json"), 0),
    (("auth", "switch", "nobody"), 1),
    (("--version",), 0),
    (("--help",), 0),
    (("auth", "status", "--help"), 0),
    (("nonsense",), 2),
]


@posix
@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_nobody_reads_the_data(start: Start, home: Path, command: tuple[str, ...], code: int) -> None:
    with unread() as out:
        done = start(*command, stdout=out, stderr=subprocess.PIPE)
    assert done.returncode == code, done.stderr
    assert b"Broken pipe" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (home / "bug.log").exists()


@posix
@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_nobody_reads_the_talk(start: Start, home: Path, command: tuple[str, ...], code: int) -> None:
    with unread() as err:
        assert start(*command, stdout=subprocess.PIPE, stderr=err).returncode == code
        assert start(*command, stdout=err, stderr=err).returncode == code
    assert not (home / "bug.log").exists()


@posix
@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_there_is_no_room_for_the_data(
    start: Start, home: Path, tmp_path: Path, command: tuple[str, ...], code: int
) -> None:
    with (tmp_path / "out").open("wb") as out:
        done = start(*command, stdout=out, stderr=subprocess.PIPE, preexec_fn=no_room)
    wrote = command not in (("auth", "token"), ("auth", "switch", "nobody"), ("nonsense",))
    assert done.returncode == (code or 1), done.stderr
    sentence = b"The output cannot be written: File too large."
    if "--json" in command:
        error = json.loads(done.stderr)["error"]
        assert (error["code"], error["message"].encode()) == ("output_unwritable", sentence)
    else:
        assert (b"dagctl: " + sentence + b"\n" in done.stderr) is wrote
    assert b"Traceback" not in done.stderr
    assert b"bug" not in done.stderr


@posix
@pytest.mark.parametrize(("command", "code"), COMMANDS)
def test_there_is_no_room_for_the_talk(start: Start, tmp_path: Path, command: tuple[str, ...], code: int) -> None:
    with (tmp_path / "err").open("wb") as err:
        done = start(*command, stdout=subprocess.PIPE, stderr=err, preexec_fn=no_room)
    assert done.returncode == code


class Gone(io.StringIO):
    """A stream whose reader has gone, or whose disk is full."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._code = code

    def write(self, text: str) -> int:
        raise OSError(self._code, os.strerror(self._code))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_protected_environment_stays_one_when_nobody_reads_that(options: tuple[str, ...]) -> None:
    platform = MemoryPlatform()
    platform.protect("prj_shop", "prod")
    client = connected(platform, signed_in=True)
    client.projects.choose("shop")

    def check(*environments: str, out: io.StringIO, err: io.StringIO) -> int:
        app = App(connect=lambda **ports: client, out=out, err=err)
        return main(["protection", "check", *environments, *options], app=app)

    for code in (errno.EPIPE, errno.ENOSPC):
        assert check("dev", "prod", out=Gone(code), err=io.StringIO()) == 3
        assert check("dev", "prod", out=io.StringIO(), err=Gone(code)) == 3
    assert check("dev", out=Gone(errno.EPIPE), err=io.StringIO()) == 0
    err = io.StringIO()
    assert check("dev", out=Gone(errno.ENOSPC), err=err) == 1
    sentence = "The output cannot be written: No space left on device."
    told = json.loads(err.getvalue())["error"]["message"] if options else err.getvalue()
    assert told == (sentence if options else f"dagctl: {sentence}\n")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16", "latin-1"])
def test_json_is_utf_8_on_any_stdout(encoding: str) -> None:
    name = "Zürich ☃"
    out = io.TextIOWrapper(raw := io.BytesIO(), encoding=encoding, write_through=True)
    app = App(connect=lambda **ports: connected(), out=out, err=io.StringIO())
    main(["auth", "status", "--json"], app=app)
    app.show({"name": name, "path": "\udcff"}, "")
    text = raw.getvalue().decode("utf-8")
    shown = json.loads(text[text.rindex("\n{") :])["data"]
    assert shown == {"name": name, "path": "\udcff"}
