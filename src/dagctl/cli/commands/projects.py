"""List the organization's projects. An asterisk marks the current one."""

from __future__ import annotations

from argparse import Namespace
from typing import Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.showing import GOOD, marked, option_insecure

configure = option_insecure


class Data(TypedDict):
    """The organization's projects."""

    project: Annotated[records.Project | None, "the current project; null if you have chosen none"]
    projects: Annotated[list[records.Project], "the projects, in the platform's order"]


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    projects, context = client.projects.list(), client.context.current()
    chosen = context.project.value if context.project else None
    current = next((project for project in projects if chosen in (project.id, project.name)), None)
    app.show_rows(
        Data(
            project=records.project(current.name, current.id) if current else records.project_of(context),
            projects=[records.Project(id=project.id, name=project.name) for project in projects],
        ),
        [
            ["*" if project is current else " ", project.name, project.id if project.id != project.name else ""]
            for project in projects
        ],
        "There are no projects yet. Create one in the web UI.",
        marked(app.out, {r"()(\*)": GOOD}),
    )
    return 0
