"""The demo: commands that a person would type, run one after the other in a folder of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from dagctl.cli.app import App, columns
from dagctl.cli.cures import CommandProblem
from dagctl.cli.endings import DONE
from dagctl.domain.errors import FileUnusable, MissingExtra, SettingUnusable

if TYPE_CHECKING:
    from dagctl.adapters.sandbox.supervisor import Supervisor

MARK = ".dagctl-demo"
ORGANIZATION, PROJECT = "acme", "shop"


class Walkthrough:
    """One run of the demo.

    Args:
        folder: where to work. The demo makes it, and replaces one that an earlier demo made.
        with_browser: sign in through the person's own browser.

    Attributes:
        done: the commands so far, with their exit codes.
    """

    def __init__(self, app: App, folder: Path, *, with_browser: bool) -> None:
        self._app = app
        self._folder = folder
        self._project = folder / "project"
        self._with_browser = with_browser
        self._api_url = ""
        self.done: list[tuple[str, int]] = []
        scripts = Path(sysconfig.get_path("scripts"))
        # the person's own settings would change the demo
        own = {name: value for name, value in os.environ.items() if not name.upper().startswith(("DAGCTL_", "SQLMESH"))}
        self._environ = {
            **own,
            "DAGCTL_HOME": str(folder / "home"),
            "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
            "COLUMNS": "100",
            "PYTHONWARNINGS": "ignore",
        }
        if not with_browser:
            self._environ["BROWSER"] = f"{shlex.quote(sys.executable)} -m dagctl.adapters.sandbox.person %s"

    def run(self) -> None:
        """Walk through everything.

        Raises:
            CommandProblem: a command ended in another way than it should.
            DagctlError: the demo cannot begin.
        """
        if shutil.which("sqlmesh", path=self._environ["PATH"]) is None:
            raise MissingExtra("The demo needs SQLMesh.", extra="sandbox,sqlmesh")
        self._make_folder()
        try:
            self._walk()
        finally:
            self._step("dagctl sandbox stop", quiet=True)
        self._closing_words()

    def _walk(self) -> None:
        self._title("Start a platform on this machine: issuer, API, PG proxy, PostgreSQL")
        self._step("dagctl sandbox start --detach")
        self._api_url = (self._sandbox().status() or {})["api_url"]
        self._title("Sign in and choose a project")
        self._step(f"dagctl auth login --org {ORGANIZATION} --api-url {self._api_url}")
        self._step(f"dagctl use-project {PROJECT}")
        self._title("Convert a SQLMesh project")
        self._step("sqlmesh init duckdb", quiet=True)
        self._step("dagctl config generate")
        self._step("dagctl config current")
        self._title("Run SQLMesh as usual; its state is in PostgreSQL, behind the proxy")
        self._step("sqlmesh plan dev --auto-apply --no-prompts")
        self._title("Production is protected")
        self._step("sqlmesh plan prod --auto-apply --no-prompts", expected=1)
        self._step("dagctl protection check dev prod", expected=3)
        self._title("See what SQLMesh wrote to PostgreSQL")
        rows = [(table, str(count)) for table, count in self._sandbox().tables(PROJECT)]
        self._put(columns([("table", "rows"), *rows]))

    def _make_folder(self) -> None:
        if self._folder.exists() and not (self._folder / MARK).exists():
            raise SettingUnusable(f"{self._folder} already exists, and no demo made it.", source="--folder")
        try:
            if self._folder.exists():
                self._step("dagctl sandbox stop", quiet=True, expected=None)
                shutil.rmtree(self._folder)
            self._project.mkdir(parents=True)
            (self._folder / MARK).touch()
        except OSError as error:
            reason = f"{self._folder} cannot be made: {error.strerror}."
            raise FileUnusable(reason, path=str(self._folder)) from None

    def _put(self, text: str) -> None:
        if not self._app.as_json:  # a program gets one document, at the end
            self._app.put(text)

    def _title(self, text: str) -> None:
        self._put(f"\n# {text}")

    def _step(self, command: str, *, expected: int | None = DONE, quiet: bool = False) -> None:
        if not quiet:
            self._put(f"$ {command}")
        output = subprocess.DEVNULL if quiet or self._app.as_json else None
        code = subprocess.run(  # noqa: S603 - our own commands
            command.split(),
            cwd=self._project if self._project.is_dir() else None,
            env=self._environ,
            check=False,
            stdin=None if self._with_browser else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ).returncode
        self.done.append((command, code))
        if expected is not None and code != expected:
            message = f"The demo stopped, because a command ended with exit code {code}: {command}"
            raise CommandProblem(message, case="quiet_demo" if self._app.as_json else "demo")

    def _sandbox(self) -> Supervisor:
        from dagctl.cli.sandboxes import supervisor

        return supervisor(self._folder / "home")

    def _closing_words(self) -> None:
        self._put(f"""
# Try next
The demo's home and project are in {self._folder}. The sandbox has stopped.
  export DAGCTL_HOME={shlex.quote(self._environ["DAGCTL_HOME"])} PATH={shlex.quote(sysconfig.get_path("scripts"))}:$PATH
  cd {shlex.quote(str(self._project))}
  dagctl sandbox start --detach     # start the platform again; you are still signed in
  sqlmesh plan dev                  # change a model first
  sqlmesh plan prod                 # refused, however you spell it
  dagctl auth logout; dagctl auth login --org {ORGANIZATION} --api-url {self._api_url}   # sign in yourself
  dagctl sandbox stop""")
