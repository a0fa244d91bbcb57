"""The demo: commands that a person would type, run one after the other in a folder of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from dagctl.cli.app import App, columns
from dagctl.cli.endings import DONE, FAILED
from dagctl.domain.errors import FileUnusable, MissingExtra, SettingUnusable

MARK = ".dagctl-demo"
ORGANIZATION, PROJECT = "acme", "shop"


class Walkthrough:
    """One run of the demo.

    Args:
        folder: where it happens; made anew if an earlier demo made it.
        with_browser: have the person's own browser opened for the sign-in.
    """

    def __init__(self, app: App, folder: Path, *, with_browser: bool) -> None:
        self._app = app
        self._folder = folder
        self._project = folder / "project"
        self._with_browser = with_browser
        self._api_url = ""
        scripts = Path(sysconfig.get_path("scripts"))
        self._environ = {
            **{name: value for name, value in os.environ.items() if not _disturbs(name)},
            "DAGCTL_HOME": str(folder / "home"),
            "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
            "COLUMNS": "100",
            "PYTHONWARNINGS": "ignore",
        }
        if not with_browser:
            self._environ["BROWSER"] = f"{shlex.quote(sys.executable)} -m dagctl.adapters.sandbox.person %s"

    def run(self) -> int:
        """Walk through everything; returns the exit code."""
        if shutil.which("sqlmesh", path=self._environ["PATH"]) is None:
            raise MissingExtra("The demo needs SQLMesh.", extra="sandbox,sqlmesh")
        self._make_folder()
        try:
            self._walk()
        except _StepFailedError as failed:
            self._app.say(f"dagctl: the demo stopped at: {failed}")
            return FAILED
        finally:
            self._step("dagctl sandbox stop", quiet=True)
        self._closing_words()
        return DONE

    def _walk(self) -> None:
        self._title("A platform on this machine: issuer, API, PG proxy, PostgreSQL")
        self._step("dagctl sandbox start --detach")
        self._api_url = self._sandbox()["api_url"]
        self._title("Sign in, and choose a project")
        self._step(f"dagctl auth login --org {ORGANIZATION} --api-url {self._api_url}")
        self._step(f"dagctl use-project {PROJECT}")
        self._title("A SQLMesh project, converted")
        self._step("sqlmesh init duckdb", quiet=True)
        self._step("dagctl config generate")
        self._step("dagctl config current")
        self._title("SQLMesh runs as ever; its state is in PostgreSQL, behind the proxy")
        self._step("sqlmesh plan dev --auto-apply --no-prompts")
        self._title("Production stays out of reach")
        self._step("sqlmesh plan prod --auto-apply --no-prompts", expected=1)
        self._step("dagctl protection check dev prod", expected=3)
        self._title("What SQLMesh wrote into PostgreSQL")
        self._show_state()

    def _make_folder(self) -> None:
        if self._folder.exists() and not (self._folder / MARK).exists():
            raise SettingUnusable(f"{self._folder} is there already and was not made by the demo.", source="--folder")
        try:
            if self._folder.exists():
                self._step("dagctl sandbox stop", quiet=True, expected=None)
                shutil.rmtree(self._folder)
            self._project.mkdir(parents=True)
            (self._folder / MARK).touch()
        except OSError as error:
            folder = self._folder
            raise FileUnusable(f"{folder} cannot be made anew: {error.strerror}.", path=str(folder)) from None

    def _title(self, text: str) -> None:
        self._app.put(f"\n# {text}")

    def _step(self, command: str, *, expected: int | None = DONE, quiet: bool = False) -> None:
        if not quiet:
            self._app.put(f"$ {command}")
        done = self._process(command.split(), quiet=quiet)
        if expected is not None and done.returncode != expected:
            raise _StepFailedError(command)

    def _process(self, command: Sequence[str], *, quiet: bool) -> subprocess.CompletedProcess[str]:
        folder = self._project if self._project.is_dir() else None
        return subprocess.run(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env=self._environ,
            text=True,
            check=False,
            stdin=None if self._with_browser else subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
        )

    def _sandbox(self) -> Mapping[str, str]:
        from dagctl.cli.sandboxes import supervisor

        return supervisor(self._folder / "home").status() or {}

    def _show_state(self) -> None:
        from dagctl.cli.sandboxes import supervisor

        rows = [(table, str(count)) for table, count in supervisor(self._folder / "home").tables(PROJECT)]
        self._app.put(columns([("table", "rows"), *rows]))

    def _closing_words(self) -> None:
        self._app.put(f"""
# Try next
The demo's home and project stay in {self._folder}; the sandbox has stopped.
  export DAGCTL_HOME={shlex.quote(self._environ["DAGCTL_HOME"])} PATH={shlex.quote(sysconfig.get_path("scripts"))}:$PATH
  cd {shlex.quote(str(self._project))}
  dagctl sandbox start --detach     # bring the platform up again; you are still signed in
  sqlmesh plan dev                  # change a model first
  sqlmesh plan prod                 # refused, in any spelling
  dagctl auth logout; dagctl auth login --org {ORGANIZATION} --api-url {self._api_url}   # sign in yourself
  dagctl sandbox stop""")


class _StepFailedError(Exception):
    """A command of the demo ended in another way than it should."""


def _disturbs(variable: str) -> bool:
    """Whether a variable of the person's own would make the demo another one."""
    return variable.upper().startswith(("DAGCTL_", "SQLMESH"))
