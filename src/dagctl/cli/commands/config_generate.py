"""Convert config.yaml to a config.py that uses get_state_connection(), with nothing lost.

The original is kept as config.yaml.bak. Where SQLMesh is installed, the result is loaded and compared with the
original before anything is touched. The state stays where it is: you are told where, and how to carry it over. Of a
project that has a config.py already, the lines to add are shown; nothing of it is run, and it is not changed.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from dagctl.cli.app import App
from dagctl.cli.endings import DONE, FAILED
from dagctl.cli.showing import coloured
from dagctl.domain.values.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagctl._sdk import Dagctl
    from dagctl.domain.generation import Conversion
    from dagctl.domain.generation.additions import Addition
    from dagctl.domain.generation.states import KeptState

_COLOURS = {"+": "32", "-": "31", "@": "36"}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help="output file (default: config.py in the project)")
    parser.add_argument("-p", "--project-folder", metavar="FOLDER", help="the project's folder (default: this one)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the output would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; show how the output would change")
    parser.add_argument("--force", action="store_true", help="replace an output file that is there (a backup is kept)")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask, even if a state stays behind")


def run(args: Namespace, app: App) -> int:
    folder = PurePath(args.project_folder or ".")
    client = app.connect(folder=Path(os.path.abspath(folder)))
    output = _place(args.output, folder) if args.output else PurePath("config.py")
    if args.check and _nothing_to_convert(client, folder, output):
        app.show({"changes": False}, f"{output} is in place, and there is no YAML configuration to convert.")
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
    if asks and not _agreed(app, conversion):
        return FAILED
    if app.err.isatty() and client.config.sqlmesh is not None:
        app.say(f"SQLMesh loads {conversion.source} and the result, to compare them …")
    warnings = client.config.apply(conversion, force=args.force)
    for warning in warnings:
        app.say(f"Note: {warning}")
    record = {**_record(conversion), "warnings": [*notes, *warnings]}
    app.show(record, f"{conversion.source} is now {conversion.output}; the original is kept as {conversion.backup}.")
    _say_what_is_next(app, conversion)
    return DONE


def _place(name: str, folder: PurePath) -> PurePath:
    """The output as seen from the project: its config.py is config.py, however it is spelled."""
    path, project = Path(os.path.abspath(name)), Path(os.path.abspath(folder))
    return path.relative_to(project) if path.is_relative_to(project) else path


def _project(client: Dagctl) -> str:
    """The project to pin, with its organization: another one may have a project of that name."""
    from dagctl.domain.errors import NoProject

    context = client.context.current()
    if context.project is None:
        raise NoProject("No project is chosen, so there is none to pin.")
    return str(context.pin or context.project.value)


def _nothing_to_convert(client: Dagctl, folder: PurePath, output: PurePath) -> bool:
    """Whether all is done: there is no YAML configuration, and dagctl is used in what there is."""
    from dagctl.domain.generation.service import YAML_NAMES

    files = client.config.files
    if not files.exists(folder / output) or any(files.exists(folder / name) for name in YAML_NAMES):
        return False
    return output.name != "config.py" or not client.config.additions(folder, project="")


def _about_states(conversion: Conversion, project: str, *, asks: bool) -> Iterator[str]:
    """What becomes of the state, before anything is moved.

    Args:
        asks: the person will be asked whether to go on; otherwise it will be converted in a moment.
    """
    states = conversion.states
    if states is None or states:
        places = "; ".join(map(_place_of, states or ())) or "the database that Jinja chooses, unless that is in memory"
        yield (
            f"The state is in {places}. It stays there, and {project} begins with an empty one: a plan without the old "
            f"state builds everything anew. {_carry_over(conversion, asks=asks)}"
        )
    if conversion.apart:
        yield (
            "The gateways kept their states in different databases; from now on they share one. If they are isolated "
            "systems, make a dagctl project and a folder for each."
        )


def _place_of(state: KeptState) -> str:
    names = [name for name in state.gateways if name]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    gateway = f" (gateway {', '.join(names[:3])}{more})" if names else ""
    return f"{state.where}{gateway}{'' if state.own else ', where SQLMesh keeps it by default'}"


def _carry_over(conversion: Conversion, *, asks: bool) -> str:
    """The commands in the order that works: the old configuration exports, the new one imports."""
    states, folder = conversion.states or (), conversion.source.parent
    name = states[0].gateways[0] if len(states) > 1 and "{" not in states[0].gateways[0] else ""
    export = f"sqlmesh {_there(folder)}{f'--gateway {quoted(name)} ' if name else ''}state export -o state.json"
    take = f"sqlmesh {_there(folder)}state import -i state.json"
    if asks or not conversion.moves:
        commands = [export, f"dagctl config generate {_there(folder)}".rstrip(), take]
    else:
        paths = (conversion.source, conversion.backup, conversion.output, conversion.output.with_suffix(".py.new"))
        source, backup, output, aside = (quoted(str(path)) for path in paths)
        back, forth = (
            [f"mv {output} {aside}", f"mv {backup} {source}"],
            [f"mv {source} {backup}", f"mv {aside} {output}"],
        )
        commands = [*back, export, *forth, take]
    how = "use `sqlmesh state export` with the old configuration and `sqlmesh state import` with the new one:"
    who = "An import may touch every environment, so it takes somebody who may change the protected ones too."
    return "\n  ".join([f"To carry it over before the first plan, {how}", *commands]) + f"\n{who}"


def _there(folder: PurePath) -> str:
    return f"-p {quoted(str(folder))} " if str(folder) != "." else ""


def _agreed(app: App, conversion: Conversion) -> bool:
    answer = app.ask(f"Convert {conversion.source} now? [y/N] ").strip().lower()
    if answer not in ("y", "yes"):
        app.say("Nothing was changed.")
        return False
    return True


def _say_what_is_next(app: App, conversion: Conversion) -> None:
    folder = conversion.source.parent
    # a plan without a name would be for production, which is protected more often than not
    safe = re.search('(?i)default_environment="(?!prod")', conversion.text)
    plan = f"sqlmesh {_there(folder)}{'plan' if safe else 'plan dev_YOURNAME'}"
    if not conversion.moves:
        app.say(f"{conversion.source} stays too, and it is what SQLMesh reads: not {conversion.output}.")
        app.say(f"Next: move {conversion.source} away and {conversion.output} to {folder / 'config.py'}")
    elif conversion.states:
        app.say(f"Next: carry the state over, as above; then {plan}")
    else:
        app.say(f"Next: {plan}")


def _show_additions(app: App, path: PurePath, additions: Sequence[Addition]) -> int:
    """The lines that a config.py lacks."""
    lines = [
        {"line": found.line, "in": found.place, "instead_of": found.instead_of, "add": found.text}
        for found in additions
    ]
    record = {"output": str(path), "changes": bool(additions), "add": lines}
    if not additions:
        app.show(record, f"{path} uses get_state_connection() in every gateway: there is nothing to add.")
        return DONE
    shown = [f"# {path}, at the imports", "from dagctl import get_state_connection"]
    for found in additions:
        instead = f", in the place of line {found.instead_of}" if found.instead_of else ""
        shown += [f"# {path}, line {found.line}: into {found.place}{instead}", found.text]
    app.show(record, "\n".join(shown))
    app.say(
        f"{path} is Python already: add these lines to it. The state stays where it is until you carry it over; "
        "see docs/how-to/convert-config-py.md. Nothing was changed."
    )
    return FAILED


def _shown(app: App, conversion: Conversion, *, check: bool, diff: bool) -> int:
    text = conversion.diff().rstrip("\n") if diff else ""
    if not text:
        text = f"{conversion.output} would {'' if conversion.changes else 'not '}change."
    record = {**_record(conversion), "diff": conversion.diff() if diff else None}
    app.show(record, text, partial(_painted, conversion.changes) if coloured(app.out) else str)
    return FAILED if check and conversion.changes else DONE


def _painted(changes: bool, text: str) -> str:
    """A diff as git colours it, or the one sentence."""
    return "\n".join(_painted_line(line, changes) for line in text.split("\n"))


def _painted_line(line: str, changes: bool) -> str:
    if line.startswith(("+++", "---")):
        colour = "1"
    else:
        colour = _COLOURS.get(line[:1], "33" if changes and line.endswith("would change.") else "")
    return f"\033[{colour}m{line}\033[0m" if colour else line


def _record(conversion: Conversion) -> dict[str, object]:
    return {
        "source": str(conversion.source),
        "output": str(conversion.output),
        "backup": str(conversion.backup),
        "moved": conversion.moves,
        "changes": conversion.changes,
        "warnings": conversion.warnings,
    }
