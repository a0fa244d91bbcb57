"""What the benches share: a sandbox, somebody who is signed in there, and the published client."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import frozen

from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox

PUBLISHED = "dagctl==0.4.1"
PROJECTS = {"shop": "prj_shop", "direct": "prj_direct", "rows": "prj_rows"}


class Failed(Exception):
    """A process that was to be measured has failed."""


@frozen
class Published:
    """The published client in a virtual environment of its own, or why there is none.

    Attributes:
        packages: a folder with what a process of ours needs to import it.
    """

    folder: Path
    packages: Path | None = None
    why_not: str = ""


class Stage:
    """Where the benches play: made when first used.

    Args:
        folder: for whatever they write.
        stack: what has to be undone at the end.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack

    @cached_property
    def sandbox(self) -> Sandbox:
        """A platform where nothing is protected."""
        options = SandboxOptions(
            projects=PROJECTS,
            protected={"shop": frozenset()},
            redirect_uris=(f"http://localhost:{self._callback_port}/callback",),
        )
        return self._stack.enter_context(running_sandbox(options, home=self._home))

    @cached_property
    def home(self) -> Path:
        """The dagctl home of a person who is signed in and works on `shop`."""
        self.sign_in(self._home)
        return self._home

    def sign_in(self, home: Path) -> None:
        """Sign a person in, with `home` for a dagctl home."""
        from dagctl import connect
        from dagctl.adapters.sandbox.person import sign_in
        from dagctl.adapters.system.loopback import LoopbackBrowser

        ca_file = self.sandbox.ca_file
        browser = LoopbackBrowser(
            port=self._callback_port,
            announce=lambda text: None,
            opener=lambda url: bool(sign_in(url, ca_file=ca_file)),
        )
        client = connect(storage=home, environ={"SSL_CERT_FILE": str(ca_file)}, browser=browser)
        client.login(self.sandbox.options.organization, api_url=self.sandbox.api_url, timeout=60)
        client.projects.choose("shop")

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment variables of that person."""
        own = {"HOME": str(self.folder), "DAGCTL_HOME": str(self.home), "COLUMNS": "100", "NO_COLOR": "1"}
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, **own, "PYTHONWARNINGS": "ignore", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1"}

    def environ_of_published(self, home: Path | None = None) -> dict[str, str]:
        """The same for the published client, which looks for `~/.dagctl` and for no CA of a sandbox."""
        link = (home or self.folder) / ".dagctl"
        if home is None and not link.exists():
            link.symlink_to(self.home)
        own = {"HOME": str(link.parent), "REQUESTS_CA_BUNDLE": str(self.sandbox.ca_bundle)}
        return {**self.environ, **own}

    def expire(self, home: Path | None = None) -> None:
        """Have the tokens look as if they had a minute to live."""
        path = (home or self.home) / "auth.json"
        soon = (datetime.now(timezone.utc) + timedelta(minutes=1)).isoformat()
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "expires_at": soon}), "utf-8")

    @cached_property
    def published(self) -> Published:
        """The published client; `DAGCTL_TEST_PUBLISHED` names a virtual environment that has it."""
        given = os.environ.get("DAGCTL_TEST_PUBLISHED")
        folder = Path(given) if given else self.folder / "published"
        if not given:
            venv.create(folder, with_pip=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", PUBLISHED]
            if subprocess.run(pip, capture_output=True, timeout=300).returncode != 0:
                return Published(folder, why_not=f"{PUBLISHED} cannot be installed here")
        packages = self.folder / "packages"
        packages.mkdir()
        for name in ("dagctl", "yaml"):
            for found in folder.glob(f"lib/python*/site-packages/{name}"):
                (packages / name).symlink_to(found)
        return Published(folder, packages)

    def output(
        self, command: Sequence[str], environ: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> str:
        """What a process prints.

        Raises:
            Failed: it does not end well.
        """
        done = subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environ if environ is None else environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            raise Failed(
                f"{Path(command[0]).name} {' '.join(command[1:])[:200]}: {(done.stdout + done.stderr)[-2000:]}"
            )
        return done.stdout

    @cached_property
    def _home(self) -> Path:
        home = self.folder / "home"
        home.mkdir(mode=0o700)
        return home

    @cached_property
    def _callback_port(self) -> int:
        return free_port()


def script(name: str) -> str:
    """A console script of this Python's environment."""
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else shutil.which(name) or name


def free_port() -> int:
    """A TCP port on the loopback interface that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def quoted(**values: Any) -> str:
    """Assignments for the top of a Python program."""
    return "".join(f"{name} = {value!r}\n" for name, value in values.items())
