"""Choose the project to work on. It has to exist in your organization.

On a terminal, the command asks for the project if you do not name one.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.showing import option_insecure

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl


class Data(TypedDict):
    """Your choice."""

    project: Annotated[records.Project, "the project that is now the current one"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="its name or ID")
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    project = client.projects.choose(args.project or _ask(client, app))
    effective = client.context.current().project
    app.show(Data(project=records.Project(id=project.id, name=project.name)), f"The project is now {project.name}.")
    if effective is not None and effective.value not in (project.name, project.id):
        app.warn("overridden", f"{effective.source} names the project {effective.value!r} here, and takes precedence.")
    app.say("Next: dagctl config generate")
    return 0


def _ask(client: Dagctl, app: App) -> str:
    from dagctl.domain.errors import NoProject, ProjectNotFound

    if not app.interactive:
        raise NoProject("No project was named, and there is no terminal to ask for one on.")
    projects = client.projects.list()
    if not projects:
        raise ProjectNotFound("The organization has no projects yet.")
    for number, project in enumerate(projects, start=1):
        app.say(f"  {number}  {project.name}")
    answer = app.ask("Which project (number, name or ID)? ").strip()
    chosen = answer.isdecimal() and 0 < int(answer) <= len(projects)
    return projects[int(answer) - 1].id if chosen else answer
