"""Two platforms, and a person's machine on which dagctl runs in processes that can be killed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from tests.e2e.sessions.forking import Ending, Forks, forking

from dagctl import Dagctl, connect
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import claims_of

ACME, GLOBEX = "acme", "Globex"

ANSWER = {"access_token", "id_token", "refresh_token", "token_type", "expires_in", "expires_at", "scope"}
SETTINGS = {"current_org", "current_org_name", "api_url", "auth0_domain", "auth0_client_id"}
SETTINGS |= {"pg_proxy_host", "pg_proxy_port"}
CREDENTIALS = {"host", "port", "database", "user", "password", "sslmode", "expires_at"}
LEFTOVER = re.compile(r"\..+\.\d+\.\d+\.tmp")


@frozen
class Kept:
    """What is kept in a dagctl home.

    Attributes:
        files: their paths in it, without what killed writers have left; an empty folder is nothing.
        leftovers: the paths of that.
        sessions: by organization, in which folders its tokens are, with the refresh token there.
    """

    files: frozenset[str]
    leftovers: tuple[str, ...]
    sessions: Mapping[str, Mapping[str, str]]

    @property
    def current(self) -> str | None:
        """The organization whose tokens are in the home itself."""
        return next((name for name, places in self.sessions.items() if "." in places), None)

    @property
    def places(self) -> dict[str, list[str]]:
        """By organization, in which folders its tokens are."""
        return {name: sorted(places) for name, places in self.sessions.items()}

    def tokens_of(self, organization: str) -> set[str]:
        """The organization's refresh tokens; more than one only where two differ."""
        return set(self.sessions.get(organization, {}).values())


class Machine:
    """A person's machine, and both platforms.

    Attributes:
        home: the dagctl home.
        environ: the environment variables there.
    """

    def __init__(self, platforms: Mapping[str, Sandbox], forks: Forks, folder: Path, port: int) -> None:
        self.platforms = platforms
        self.home = folder / "home"
        self._forks = forks
        self._port = port
        self._trust = folder / "ca.pem"
        self._trust.write_text("".join(sandbox.ca_file.read_text() for sandbox in platforms.values()))
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DAGCTL_HOME": str(self.home),
            "SSL_CERT_FILE": str(self._trust),
            "BROWSER": self._browser(),
            "PYTHONWARNINGS": "error",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(
        self,
        *args: str,
        home: Path | None = None,
        kill_after: float | None = None,
        kill_at: int | None = None,
        by: int = signal.SIGKILL,
        org: str | None = None,
    ) -> Ending:
        """`dagctl ARGS…` in a forked child; see `Forks.run`.

        Args:
            home: another dagctl home than the machine's.
            org: the value of `DAGCTL_ORG`.
        """
        env = {**self.environ, "DAGCTL_HOME": str(home or self.home), **({"DAGCTL_ORG": org} if org else {})}
        return self._forks.run(*args, env=env, kill_after=kill_after, kill_at=kill_at, by=by)

    def run_whole(self, *args: str, kill_after: float | None = None) -> Ending:
        """The same in a process with an interpreter of its own, and with another for its browser."""
        begin = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "dagctl", *args],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        return Ending(process.returncode, out, err, time.perf_counter() - begin)

    def login(self, organization: str) -> tuple[str, ...]:
        """The arguments of a sign-in."""
        url = self.platforms[organization].api_url
        return ("auth", "login", "--org", organization, "--api-url", url, "--port", str(self._port))

    def signs_in(self, organization: str) -> None:
        """Sign in, and choose the first project."""
        for args in (self.login(organization), ("use-project", self._project(organization))):
            done = self.run(*args)
            assert done.code == 0, done

    def ended(self, organization: str) -> str:
        """What a command says when the issuer no longer renews the session."""
        return self._sign_in_again("Your session has ended.", organization)

    def signed_out(self, organization: str | None) -> str:
        """What a command says when there are no tokens.

        Args:
            organization: the one that the settings beside them name.
        """
        return self._sign_in_again("You are not signed in.", organization)

    def _sign_in_again(self, sentence: str, organization: str | None) -> str:
        where = f"{organization} --api-url {self.platforms[organization].api_url}" if organization else "ORG"
        return f"dagctl: {sentence}\n  Run: dagctl auth login --org {where}\n"

    def connect(self, organization: str | None = None) -> Dagctl:
        """A client in this process, of the current account or of another."""
        environ = {"SSL_CERT_FILE": str(self._trust), **({"DAGCTL_ORG": organization} if organization else {})}
        return connect(storage=self.home, environ=environ)

    def expire(self, left: timedelta, organization: str | None = None) -> dict[str, Any]:
        """Have the tokens look as if they had so much time left; what is in their file then."""
        folder = self.look().sessions[organization] if organization else {".": ""}
        (place,) = folder
        path = self.home / place / "auth.json"
        changed = {**json.loads(path.read_text()), "expires_at": (datetime.now(timezone.utc) + left).isoformat()}
        path.write_text(json.dumps(changed))
        return changed

    def renewals(self, organization: str | None = None) -> int:
        """How often tokens were renewed so far, on one platform or on all."""
        places = [self.platforms[organization]] if organization else self.platforms.values()
        return sum(sandbox.observations.refreshes for sandbox in places)

    def reuses(self) -> int:
        """How often a spent refresh token was used again so far."""
        return sum(sandbox.observations.reuses for sandbox in self.platforms.values())

    def look(self, home: Path | None = None) -> Kept:
        """What is on disk, after seeing to it that each file is whole, in its place, and for its owner alone."""
        home = home or self.home
        found: dict[str, dict[str, str]] = {}
        paths = sorted(home.rglob("*"))
        leftovers = [path for path in paths if LEFTOVER.fullmatch(path.name)]
        for folder in (home / "accounts").glob("*"):
            files = _names(path for path in paths if folder in path.parents and path.is_file()) - _names(leftovers)
            assert not files or "config.yaml" in files, f"nobody would find {folder} again"
        for path in [home, *paths] if home.exists() else []:
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
            if path.is_dir() or path in leftovers:
                continue
            if path.name == "auth.json":
                organization = self._organization_of(path)
                refresh_token = json.loads(path.read_text())["refresh_token"]
                found.setdefault(organization, {})[str(path.parent.relative_to(home))] = refresh_token
            else:
                _see_that_it_is_whole(path)
        for path in leftovers:  # tokens that were written and not renamed count: dagctl finds them
            kept = FileTokenStore(path.parent).load() if path.name.startswith(".auth.json") else None
            if kept is not None and kept.refresh_token is not None:
                organization = self._issued_for(kept.id_token)
                found.setdefault(organization, {})[str(path.parent.relative_to(home))] = kept.refresh_token.reveal()
        return Kept(
            frozenset(str(path.relative_to(home)) for path in paths if path.is_file() and path not in leftovers),
            tuple(str(path.relative_to(home)) for path in leftovers),
            found,
        )

    def _organization_of(self, path: Path) -> str:
        """Whose tokens a whole `auth.json` holds; the settings beside it have to name the same organization."""
        members = json.loads(path.read_text())
        assert set(members) == ANSWER, path
        organization = self._issued_for(Secret(members["id_token"]))
        assert _settings(path.with_name("config.yaml"))["current_org_name"] == organization
        return organization

    def _issued_for(self, id_token: Secret) -> str:
        issuer = claims_of(id_token)["iss"]
        (organization,) = (name for name, where in self.platforms.items() if where.issuer_host in issuer)
        return organization

    def _project(self, organization: str) -> str:
        return next(iter(self.platforms[organization].options.projects))

    def _browser(self) -> str:
        """A value of `BROWSER` that signs in; forked children do without (see `forking`)."""
        command = [sys.executable, "-m", "dagctl.adapters.sandbox.person", "%s", "--ca", str(self._trust)]
        return shlex.join(command).replace("'%s'", "%s")


def _names(paths: Iterable[Path]) -> set[str]:
    return {path.name for path in paths}


def _see_that_it_is_whole(path: Path) -> None:
    if path.name == ".auth.lock":
        assert path.read_bytes() == b""
    elif path.name == "config.yaml":
        assert SETTINGS <= set(_settings(path)) <= SETTINGS | {"current_project", "current_project_id"}, path
    else:
        assert path.parent.name == "credentials", path
        assert set(json.loads(path.read_text())) == CREDENTIALS, path


def recorded_organization(home: Path) -> str | None:
    """The organization that a home's settings name; None where there are none."""
    path = home / "config.yaml"
    return _settings(path)["current_org_name"] if path.exists() else None


def _settings(path: Path) -> dict[str, str]:
    """The settings as they are written, one a line; a file that ends in the middle of one is no whole file."""
    text = path.read_text()
    assert text.endswith("\n"), path
    return dict(line.split(": ") for line in text.splitlines())


@pytest.fixture(scope="session")
def platforms(tmp_path_factory: pytest.TempPathFactory, callback_port: int) -> Iterator[Mapping[str, Sandbox]]:
    """Two platforms with an organization each."""
    redirect_uris = (f"http://localhost:{callback_port}/callback",)
    acme = SandboxOptions(organization=ACME, redirect_uris=redirect_uris)
    globex = SandboxOptions(
        organization=GLOBEX,
        organization_id="org_globex",
        projects={"ledger": "prj_l", "audit": "prj_a"},
        redirect_uris=redirect_uris,
    )
    with (
        running_sandbox(acme, home=tmp_path_factory.mktemp("acme")) as one,
        running_sandbox(globex, home=tmp_path_factory.mktemp("globex")) as other,
    ):
        yield {ACME: one, GLOBEX: other}


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """What runs dagctl in forked children."""
    with forking() as forks:
        yield forks


@pytest.fixture
def machine(platforms: Mapping[str, Sandbox], forks: Forks, tmp_path: Path, callback_port: int) -> Machine:
    """A machine on which nobody has signed in yet."""
    return Machine(platforms, forks, tmp_path, callback_port)
