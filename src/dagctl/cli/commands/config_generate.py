"""Convert config.yaml to a config.py that uses get_state_connection(), with nothing lost.

The original is kept as config.yaml.bak. Where SQLMesh is installed, the result is loaded and compared with the
original before anything is touched.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from dagctl.cli.app import App
from dagctl.cli.endings import DONE, FAILED

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.domain.generation import Conversion


def configure(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-o", "--output", metavar="FILE", default="config.py", help="output file (default: config.py)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the output would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; show how the output would change")
    parser.add_argument("--force", action="store_true", help="replace an output file that is there (a backup is kept)")


def run(args: Namespace, app: App) -> int:
    """Convert."""
    client = app.connect()
    output = _place(args.output)
    if args.check and _nothing_to_convert(client, output):
        app.show({"changes": False}, f"{output} is in place, and there is no YAML configuration to convert.")
        return DONE
    conversion = client.config.plan(PurePath("."), project=_project(client), output=output)
    if args.check or args.diff:
        return _shown(app, conversion, check=args.check, diff=args.diff)
    warnings = (*conversion.warnings, *client.config.apply(conversion, force=args.force))
    for warning in warnings:
        app.say(f"Note: {warning}")
    record = {**_record(conversion), "warnings": warnings}
    app.show(record, f"{conversion.source} is now {conversion.output}; the original is kept as {conversion.backup}.")
    if not conversion.moves:
        app.say(f"{conversion.source} stays too: SQLMesh reads config.py or a YAML file, and not {conversion.output}.")
    app.say("Next: sqlmesh plan")
    return DONE


def _place(name: str) -> PurePath:
    """The output as seen from here: config.py is config.py, however it is spelled."""
    path = Path(os.path.abspath(name))
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _project(client: Dagctl) -> str:
    """The project to pin, with its organization: another one may have a project of that name."""
    from dagctl.domain.errors import NoProject

    context = client.context.current()
    if context.project is None:
        raise NoProject("No project is chosen, so there is none to pin.")
    return str(context.pin or context.project.value)


def _nothing_to_convert(client: Dagctl, output: PurePath) -> bool:
    from dagctl.domain.generation.service import YAML_NAMES

    files = client.config.files
    return files.exists(output) and not any(files.exists(PurePath(name)) for name in YAML_NAMES)


def _shown(app: App, conversion: Conversion, *, check: bool, diff: bool) -> int:
    text = conversion.diff().rstrip("\n") if diff else ""
    if not text:
        text = f"{conversion.output} would {'' if conversion.changes else 'not '}change."
    app.show({**_record(conversion), "diff": conversion.diff() if diff else None}, text)
    return FAILED if check and conversion.changes else DONE


def _record(conversion: Conversion) -> dict[str, object]:
    return {
        "source": str(conversion.source),
        "output": str(conversion.output),
        "backup": str(conversion.backup),
        "moved": conversion.moves,
        "changes": conversion.changes,
        "warnings": conversion.warnings,
    }
