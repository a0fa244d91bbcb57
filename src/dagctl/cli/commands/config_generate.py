"""Convert config.yaml to a config.py that uses get_state_connection(), and lose nothing.

The original is kept as config.yaml.bak. If SQLMesh is installed, dagctl loads the result and compares it with the
original before it changes anything. The state stays where it is; dagctl says where, and how to carry it over. If the
project already has a config.py, dagctl shows the lines to add; it does not run or change that file.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, TypedDict

from dagctl.cli.app import App
from dagctl.cli.endings import DONE, FAILED
from dagctl.cli.showing import marked
from dagctl.domain.values.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagctl._sdk import Dagctl
    from dagctl.domain.generation import Conversion
    from dagctl.domain.generation.additions import Addition
    from dagctl.domain.generation.states import KeptState

_COLOURS = {
    r"()(\+\+\+.*|---.*)": "1",
    r"()(\+.*)": "32",
    r"()(-.*)": "31",
    r"()(@.*)": "36",
    r"()(.*would change\.$)": "33",
}
"""A diff in git's colours, or the sentence that replaces it. The first rule that fits colours a line, which then begins
with an escape, so that no other fits."""


class Line(TypedDict):
    """A line to add to a config.py."""

    line: Annotated[int, "the number of the line where it belongs, from 1"]
    place: Annotated[str, "what it goes into, in words"]
    text: Annotated[str, "the line"]
    replaces_line: Annotated[int | None, "the number of the line that it replaces; null if it only adds one"]


class Data(TypedDict):
    """The conversion, or what it would be."""

    source: Annotated[PurePath | None, "the YAML configuration; null if there is none to convert"]
    output: Annotated[PurePath, "the Python file"]
    backup: Annotated[PurePath | None, "what the source is kept as; null if there is none to convert"]
    moved: Annotated[bool, "whether the source is moved to the backup, not copied"]
    changes: Annotated[bool, "whether the Python file changes, or needs lines"]
    written: Annotated[bool, "whether dagctl has written anything"]
    warnings: Annotated[list[str], "what you should know, in sentences"]
    diff: Annotated[str | None, "with `--diff`, how the Python file would change, as a unified diff; otherwise null"]
    additions: Annotated[list[Line], "the lines that an existing config.py needs"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="output file (default: config.py in the project)")
    parser.add_argument("-p", "--project-folder", metavar="FOLDER", help="the project's folder (default: this one)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the output would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; show how the output would change")
    parser.add_argument("--force", action="store_true", help="replace an existing output file (a backup is kept)")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask, even if the state stays behind")


def run(args: Namespace, app: App) -> int:
    folder = PurePath(args.project_folder or ".")
    client = app.connect(folder=Path(os.path.abspath(folder)))
    output = _place(args.output, folder) if args.output else PurePath("config.py")
    if args.check and _nothing_to_convert(client, folder, output):
        app.show(_existing(folder / output), f"{output} already exists, and there is no YAML configuration to convert.")
        return DONE
    project = _project(client)
    additions = client.config.additions(folder, project=project)
    if additions is not None:
        return _show_additions(app, folder / "config.py", additions)
    conversion = client.config.plan(folder, project=project, output=output)
    if args.check or args.diff:
        return _shown(app, conversion, check=args.check, diff=args.diff)
    asks = bool(conversion.states) and app.interactive and not args.yes
    notes = [*_about_states(conversion, project, asks=asks), *conversion.warnings]
    for note in notes:
        app.say(f"Note: {note}")
    if asks and app.ask(f"Convert {conversion.source} now? [y/N] ").strip().lower() not in ("y", "yes"):
        app.say("Nothing was changed.")
        return FAILED
    if app.err.isatty() and client.config.sqlmesh is not None:
        app.say(f"SQLMesh is loading {conversion.source} and the result, to compare them …")
    warnings = client.config.apply(conversion, force=args.force)
    for warning in warnings:
        app.say(f"Note: {warning}")
    record = _record(conversion, warnings=[*notes, *warnings], written=True)
    app.show(record, f"{conversion.source} is now {conversion.output}; the original is kept as {conversion.backup}.")
    _say_what_is_next(app, conversion)
    return DONE


def _place(name: str, folder: PurePath) -> PurePath:
    """The output relative to the project: its config.py is config.py, however the person spelled it."""
    path, project = Path(os.path.abspath(name)), Path(os.path.abspath(folder))
    return path.relative_to(project) if path.is_relative_to(project) else path


def _project(client: Dagctl) -> str:
    """The project to pin, with its organization: another organization may have a project of that name."""
    from dagctl.domain.errors import NoProject

    context = client.context.current()
    if context.project is None:
        raise NoProject("You have not chosen a project, so there is none to pin.")
    return str(context.pin or context.project.value)


def _nothing_to_convert(client: Dagctl, folder: PurePath, output: PurePath) -> bool:
    """Whether the job is done: there is no YAML configuration, and the Python one uses dagctl."""
    from dagctl.domain.generation.service import YAML_NAMES

    files = client.config.files
    if not files.exists(folder / output) or any(files.exists(folder / name) for name in YAML_NAMES):
        return False
    # whether there are any does not depend on the project
    return output.name != "config.py" or not client.config.additions(folder, project="")


def _about_states(conversion: Conversion, project: str, *, asks: bool) -> Iterator[str]:
    """What happens to the state, before anything changes.

    Args:
        asks: dagctl is going to ask whether to go on; otherwise it converts right away.
    """
    states = conversion.states
    if states is None or states:
        places = "; ".join(map(_place_of, states or ())) or "the database that Jinja chooses, unless it is in memory"
        yield (
            f"The state is in {places}. It stays there, and {project} starts with an empty one: without the old state, "
            f"a plan rebuilds everything. {_carry_over(conversion, asks=asks)}"
        )
    if conversion.apart:
        yield (
            "The gateways kept their states in different databases; from now on they share one. If they are separate "
            "systems, make a dagctl project and a folder for each."
        )


def _place_of(state: KeptState) -> str:
    names = [name for name in state.gateways if name]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    gateway = f" (gateway {', '.join(names[:3])}{more})" if names else ""
    default = "" if state.own else ", SQLMesh's default"
    return f"{state.where}{gateway}{default}"


def _carry_over(conversion: Conversion, *, asks: bool) -> str:
    """The commands, in the order that works: the old configuration exports, and the new one imports."""
    states, folder = conversion.states or (), conversion.source.parent
    # a name that Jinja chooses cannot be typed
    name = states[0].gateways[0] if len(states) > 1 and "{" not in states[0].gateways[0] else ""
    export = f"sqlmesh {_there(folder)}{f'--gateway {quoted(name)} ' if name else ''}state export -o state.json"
    take = f"sqlmesh {_there(folder)}state import -i state.json"
    if asks or not conversion.moves:
        commands = [export, f"dagctl config generate {_there(folder)}".rstrip(), take]
    else:
        paths = (conversion.source, conversion.backup, conversion.output, conversion.output.with_suffix(".py.new"))
        source, backup, output, aside = (quoted(str(path)) for path in paths)
        back = [f"mv {output} {aside}", f"mv {backup} {source}"]
        forth = [f"mv {source} {backup}", f"mv {aside} {output}"]
        commands = [*back, export, *forth, take]
    how = "run `sqlmesh state export` with the old configuration and `sqlmesh state import` with the new one:"
    who = "An import may change every environment, so you need access to the protected ones."
    return "\n  ".join([f"To carry it over before the first plan, {how}", *commands]) + f"\n{who}"


def _there(folder: PurePath) -> str:
    return f"-p {quoted(str(folder))} " if str(folder) != "." else ""


def _say_what_is_next(app: App, conversion: Conversion) -> None:
    folder = conversion.source.parent
    # a plan without a name is for production, which is usually protected
    safe = re.search('(?i)default_environment="(?!prod")', conversion.text)
    plan = f"sqlmesh {_there(folder)}{'plan' if safe else 'plan dev_YOURNAME'}"
    if not conversion.moves:
        app.say(f"{conversion.source} stays, and SQLMesh still reads it, not {conversion.output}.")
        app.say(f"Next: move {conversion.source} away, and {conversion.output} to {folder / 'config.py'}")
    elif conversion.states:
        app.say(f"Next: carry the state over as shown above, then run {plan}")
    else:
        app.say(f"Next: {plan}")


def _show_additions(app: App, path: PurePath, additions: Sequence[Addition]) -> int:
    record = _existing(path, additions)
    if not additions:
        app.show(record, f"{path} uses get_state_connection() in every gateway. There is nothing to add.")
        return DONE
    shown = [f"# {path}, at the imports", "from dagctl import get_state_connection"]
    for found in additions:
        instead = f", in place of line {found.instead_of}" if found.instead_of else ""
        shown += [f"# {path}, line {found.line}: into {found.place}{instead}", found.text]
    app.show(record, "\n".join(shown))
    app.say(
        f"{path} is already Python: add these lines to it. The state stays where it is until you carry it over; "
        "see docs/how-to/convert-config-py.md. Nothing was changed."
    )
    return FAILED


def _shown(app: App, conversion: Conversion, *, check: bool, diff: bool) -> int:
    text = conversion.diff().rstrip("\n") if diff else ""
    if not text:
        text = f"{conversion.output} would {'' if conversion.changes else 'not '}change."
    record = _record(conversion, warnings=conversion.warnings, diff=conversion.diff() if diff else None)
    app.show(record, text, marked(app.out, _COLOURS))
    return FAILED if check and conversion.changes else DONE


def _record(conversion: Conversion, *, warnings: Sequence[str], written: bool = False, diff: str | None = None) -> Data:
    return Data(
        source=conversion.source,
        output=conversion.output,
        backup=conversion.backup,
        moved=conversion.moves,
        changes=conversion.changes,
        written=written,
        warnings=list(warnings),
        diff=diff,
        additions=[],
    )


def _existing(output: PurePath, additions: Sequence[Addition] = ()) -> Data:
    """There is nothing to convert; lines may be missing."""
    return Data(
        source=None,
        output=output,
        backup=None,
        moved=False,
        changes=bool(additions),
        written=False,
        warnings=[],
        diff=None,
        additions=[
            Line(line=found.line, place=found.place, text=found.text, replaces_line=found.instead_of)
            for found in additions
        ],
    )
