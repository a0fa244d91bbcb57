"""List the organization's projects; the current one is marked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App
from dagctl.cli.showing import GOOD, marked, option_insecure


def configure(parser: ArgumentParser) -> None:
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    projects, chosen = client.projects.list(), client.context.current().project
    current = chosen.value if chosen else None
    record, rows = [], []
    for name, id_ in ((project.name, project.id) for project in projects):
        record.append({"name": name, "id": id_, "current": current in (name, id_)})
        rows.append(["*" if current in (name, id_) else " ", name, id_ if id_ != name else ""])
    app.show_rows(
        record, rows, "There are no projects yet: create one in the web UI.", marked(app.out, {r"()(\*)": GOOD})
    )
    return 0
