"""List the organization's projects; the current one is marked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App
from dagctl.cli.showing import option_insecure


def configure(parser: ArgumentParser) -> None:
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    projects, chosen = client.projects.list(), client.context.current().project
    current = chosen.value if chosen else None
    record = [
        {"name": project.name, "id": project.id, "current": current in (project.name, project.id)}
        for project in projects
    ]
    rows = [
        ["*" if entry["current"] else " ", str(entry["name"]), str(entry["id"])]
        if entry["name"] != entry["id"]
        else ["*" if entry["current"] else " ", str(entry["name"]), ""]
        for entry in record
    ]
    app.show_rows(record, rows, "There are no projects yet: create one in the web UI.")
    return 0
