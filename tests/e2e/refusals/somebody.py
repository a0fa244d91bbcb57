"""A person with a machine of their own, who meets the platform with `dagctl`, and all that can be seen of it."""

from __future__ import annotations

import io
import json
import re
import stat
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from attrs import define, field
from tests.adapters.http.far_platform import CLIENT_ID
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.visitor import addresses, follow

from dagctl import _functions
from dagctl._sdk import Dagctl
from dagctl._wiring import connect
from dagctl.adapters.system.clock import SystemClock
from dagctl.cli import endings
from dagctl.cli.app import App
from dagctl.cli.main import main

PATIENCE = 60
"""Seconds after which what should have happened has not; nothing waits for as long when all is well."""

Files = dict[str, tuple[int, bytes]]
"""What is in a folder, by path: mode and content."""


@define
class Ending:
    """How a run of `dagctl` ended, and all that could be seen of it.

    Attributes:
        error: what it ended with; None where it ended well.
        pages: status and text of each page that the browser showed.
        log: what was logged, from DEBUG on.
        others: what else could be seen: command lines, files outside of the home.
        before, after: what was in the home.
    """

    code: int
    out: str
    err: str
    error: BaseException | None = None
    before: Files = field(factory=dict)
    after: Files = field(factory=dict)
    pages: list[tuple[int, str]] = field(factory=list)
    log: str = ""
    others: str = ""


class Visitor:
    """A browser in this process."""

    name = "visitor"

    def __init__(self, ca_file: Path) -> None:
        self._ca_file = ca_file
        self._thread: Thread | None = None
        self.pages: list[tuple[int, str]] = []

    def open(self, url: str) -> bool:
        self._thread = Thread(target=self._follow, args=(url,))
        self._thread.start()
        return True

    def _follow(self, url: str) -> None:
        with suppress(ConnectionError):  # the listener has gone
            self.pages.extend(follow(url, str(self._ca_file)))

    def done(self) -> list[tuple[int, str]]:
        if self._thread is not None:
            self._thread.join(120)
            assert not self._thread.is_alive()
        return self.pages


class Keyboard(io.StringIO):
    """Standard input on which somebody types when they are asked."""

    def __init__(self, types: Callable[[], str]) -> None:
        super().__init__()
        self._types = types

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        return self._types()


class HurriedClock(SystemClock):
    """This machine's clock for somebody to whom waiting takes no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Somebody:
    """A person with a home of their own, who meets the platform.

    Attributes:
        home: their dagctl home.
        kept: the tokens that they have, where they are signed in.
        ports: what of the SDK is wired otherwise.
    """

    def __init__(
        self,
        platform: ScriptedPlatform,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        port: int,
    ) -> None:
        self.platform = platform
        self.home = home
        self.kept: dict[str, Any] = {}
        self.ports: dict[str, Any] = {}
        self.clock = HurriedClock()
        self._typed: Callable[[str], str] | None = None
        self._monkeypatch, self._caplog, self._capfd, self._port = monkeypatch, caplog, capfd, port

    def has_signed_in(self, *, left: timedelta = timedelta(hours=8)) -> None:
        """They have signed in, with tokens that live for so long still."""
        now = datetime.now(timezone.utc)
        born = now + left - timedelta(days=1)
        seconds = {"iat": int(born.timestamp()), "exp": int((now + left).timestamp())}
        self.kept = self.platform.tokens(id_token=self.platform.identity(**seconds), theirs={"kept": True})
        self.kept["expires_at"] = (now + left).isoformat()
        settings = {
            "current_org": "org_acme",
            "current_org_name": "Acme",
            "current_project": "shop",
            "api_url": self.platform.api.url,
            "auth0_domain": self.platform.issuer.host,
            "auth0_client_id": CLIENT_ID,
            "theirs": "kept",
        }
        self.home.mkdir(mode=0o700)
        self._write("config.yaml", "# theirs\n" + "".join(f"{name}: {value}\n" for name, value in settings.items()))
        self._write("auth.json", json.dumps(self.kept))
        (self.home / "credentials").mkdir(mode=0o700)
        self._write("credentials/acme_shop.json", '{"expires_at": "2020-01-01T00:00:00+00:00"}')

    def _write(self, name: str, text: str) -> None:
        (self.home / name).touch(mode=0o600)
        (self.home / name).write_text(text)

    def signs_in(self, *options: str) -> Ending:
        """`dagctl auth login` in this process, with a browser that follows where it is sent."""
        arguments = ["--org", "acme", "--api-url", self.platform.api.url, "--port", str(self._port)]
        if "--device" not in options:
            arguments += ["--timeout", str(PATIENCE)]  # a browser that has failed is to be seen soon
        ending = self.runs("auth", "login", *arguments, *options)
        return ending if "--json" in options else self.where_said(ending)

    def where_said(self, ending: Ending) -> Ending:
        """`ending` of a sign-in without the sentence that it begins with, once that is seen to be there."""
        said = f"Signing in to acme at {self.platform.api.url}.\n"
        assert ending.err.startswith(said), ending.err
        ending.err = ending.err.removeprefix(said)
        return ending

    def pastes(self, change: Callable[[str], str]) -> Ending:
        """`dagctl auth login --no-browser` in this process, and each time they are asked, what `change` makes of the
        address at which a browser ends."""
        self._typed = change
        return self.signs_in("--no-browser")

    def runs(self, *arguments: str) -> Ending:
        """`dagctl ARGUMENTS` in this process."""
        errors: list[BaseException] = []
        ending_of = endings.of
        visitor = Visitor(self.platform.world.ca_file)
        err = io.StringIO()
        app = App(
            connect=self._connect, out=io.StringIO(), err=err, stdin=Keyboard(lambda: self._types(err.getvalue()))
        )
        before = self.files()

        def of(error: BaseException, app: App) -> int:
            errors.append(error)
            return ending_of(error, app)

        with self._monkeypatch.context() as patch:
            patch.setattr(endings, "of", of)
            patch.setattr(webbrowser, "get", lambda using=None: visitor)
            code = main(arguments, app=app)
        assert isinstance(app.out, io.StringIO)
        error = errors[0] if errors else None
        return self._witnessed(Ending(code, app.out.getvalue(), err.getvalue(), error, before, pages=visitor.done()))

    def _types(self, shown: str) -> str:
        if self._typed is None:
            return ""
        (url,) = re.findall(rf"^  ({self.platform.issuer.url}/\S+)$", shown, re.MULTILINE)
        return self._typed(addresses(url, str(self.platform.world.ca_file))[-1])

    def fresh_token(self) -> Ending:
        """`dagctl.get_fresh_token()`, put as if it were a command."""
        _functions._clients.clear()
        before = self.files()
        try:
            ending = Ending(0, _functions.get_fresh_token(), "", before=before)
        except RuntimeError as error:
            ending = Ending(endings_code(error), "", f"dagctl: {error}".replace("\n", "\n  ") + "\n", error, before)
        return self._witnessed(ending)

    def _connect(self, **ports: Any) -> Dagctl:
        return connect(clock=self.clock, **{**ports, **self.ports})

    def _witnessed(self, ending: Ending) -> Ending:
        """`ending`, once nothing has come out by another way than the streams that were given."""
        assert self._capfd.readouterr() == ("", "")
        ending.after = self.files()
        ending.others += self._elsewhere()
        ending.log = f"{self._caplog.text}{[(record.msg, record.args) for record in self._caplog.records]}"
        return ending

    def _elsewhere(self) -> str:
        """What is in their own home, and in the working directory, beside the dagctl home."""
        paths = (path for path in self.home.parent.rglob("*") if path.is_file() and self.home not in path.parents)
        return "\n".join(f"{path}: {path.read_text(errors='replace')}" for path in paths)

    def files(self) -> Files:
        """Everything in the home: mode and content. The lock is empty and no news; a home with nothing else is none."""
        found = {}
        for path in sorted([self.home, *self.home.rglob("*")]) if self.home.exists() else []:
            content = b"" if path.is_dir() else path.read_bytes()
            if path.name == ".auth.lock":
                assert content == b""
            else:
                found[str(path.relative_to(self.home))] = (stat.S_IMODE(path.stat().st_mode), content)
        return found if found.keys() != {"."} else {}


def endings_code(error: BaseException) -> int:
    """The exit code of an error."""
    return next(code for kind, code in endings.EXIT_CODES if isinstance(error, kind))
