"""Finds out which SQLMesh command the process is running, with SQLMesh's own click commands.

SQLMesh loads its configuration in the callback of the command group, before it parses the subcommand. So this module
parses the rest of the command line ahead of SQLMesh, with SQLMesh's own parser.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import takewhile
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    import click

PROGRAMS = {
    "sqlmesh": ("sqlmesh.cli.main", "cli"),
    "sqlmesh_cicd": ("sqlmesh.cicd.bot", "bot"),
    "sqlmesh_dbt": ("sqlmesh_dbt.cli", "dbt"),
}
"""SQLMesh's console scripts that use click, with the module and name of their root command."""


@frozen
class Invocation:
    """A parsed command line.

    Attributes:
        program: a key of `PROGRAMS`.
        words: the subcommand: `("plan",)`, `("state", "export")`; empty if the program will reject the command line
            or print help.
        parameters: the subcommand's parameters, by click's names.
        root: the parameters of the program itself.
        ahead: it is not running yet (in this thread), so SQLMesh has not read its `.env` files.
    """

    program: str
    words: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(factory=dict)
    root: Mapping[str, Any] = field(factory=dict)
    ahead: bool = False

    def __str__(self) -> str:
        return " ".join((self.program, *self.words))


def invocation(argv: Sequence[str]) -> Invocation | None:
    """The SQLMesh command that this process runs; None for a notebook, a script, or any other program.

    Args:
        argv: `sys.argv`. It counts only if no click command is running in this thread, or if this version of SQLMesh
            does not keep the subcommand's arguments.
    """
    click = sys.modules.get("click")  # a process that has not imported it runs no command yet
    current = click.get_current_context(silent=True) if click else None
    if current is None:
        found = _from_arguments(argv)
        return evolve(found, ahead=True) if found is not None else None
    # outwards: another program may embed SQLMesh's commands in its own
    for context in _ancestry(current):
        program = _program(context.command)
        if program is not None:
            return _from_context(program, context, current, argv)
    return None


def tool(argv: Sequence[str]) -> str | None:
    """What to call a tool in which people choose environments later; None for any other program."""
    name = _name(argv)
    if name == "sqlmesh_lsp" or _path(argv).parts[-3:] == ("sqlmesh", "lsp", "main.py"):  # `python -m sqlmesh.lsp.main`
        return "The language server"
    # ipykernel_launcher, and its counterparts in Colab and Databricks
    return "A notebook" if name.endswith("kernel_launcher") or _in_kernel() else None


def described(argv: Sequence[str]) -> str:
    """What to call the running program."""
    name = _path(argv).name
    return "A Python program" if name in ("", "-c", "-m") else f"The program {name}"


def _path(argv: Sequence[str]) -> PureWindowsPath:
    return PureWindowsPath(argv[0] if argv else "")  # it accepts both kinds of slashes


def _name(argv: Sequence[str]) -> str:
    """The name of the program, without the endings of Windows: `sqlmesh.exe`, `sqlmesh-script.py`."""
    name = _path(argv).name.lower()
    return name.removesuffix(".exe").removesuffix(".py").removesuffix("-script")


def _in_kernel() -> bool:
    """Whether this is a Jupyter kernel, however it was started. IPython in a terminal is not."""
    ipython = sys.modules.get("IPython")
    get_ipython = getattr(ipython, "get_ipython", None)
    return get_ipython is not None and getattr(get_ipython(), "kernel", None) is not None


def _ancestry(context: click.Context) -> Iterator[click.Context]:
    at: click.Context | None = context
    while at is not None:
        yield at
        at = at.parent


def _program(command: click.Command) -> str | None:
    for name, (module, attribute) in PROGRAMS.items():
        loaded = sys.modules.get(module)
        if loaded is not None and getattr(loaded, attribute, None) is command:
            return name
    return None


def _from_context(program: str, root: click.Context, current: click.Context, argv: Sequence[str]) -> Invocation | None:
    import click

    below = takewhile(lambda context: context is not root, _ancestry(current))
    words = tuple(reversed([context.command.name or "" for context in below]))
    if not isinstance(current.command, click.Group):
        return Invocation(program, words, current.params, root.params)
    if current is root and program == "sqlmesh":  # its group's callback loads the configuration
        return _ahead_of_sqlmesh(root, argv)
    # the callback of any other group: click has resolved the subcommand's name, and not its parameters
    chosen = (current.invoked_subcommand,) if current.invoked_subcommand else ()
    return Invocation(program, (*words, *chosen), {}, root.params)


def _ahead_of_sqlmesh(root: click.Context, argv: Sequence[str]) -> Invocation | None:
    rest = root.meta.get("subcommand_args")  # SQLMesh keeps them since 2026
    if rest is not None:
        return _leaf("sqlmesh", root, list(rest), root.params)
    # click empties `root.args` before it calls the callback, so an older one's must come from `argv`
    again = _root_context("sqlmesh", root.command, argv)
    typed = _rest(again)
    if dict(again.params) != dict(root.params) or typed[:1] != [root.invoked_subcommand]:
        return None  # something other than the process's own command line started it
    return _leaf("sqlmesh", root, typed, root.params)


def _from_arguments(argv: Sequence[str]) -> Invocation | None:
    program = _name(argv)
    if program not in PROGRAMS:
        return None
    module, attribute = PROGRAMS[program]
    try:
        command = getattr(import_module(module), attribute)
    except ImportError:
        return None
    root = _root_context(program, command, argv)
    return _leaf(program, root, _rest(root), root.params)


def _root_context(program: str, command: click.Command, argv: Sequence[str]) -> click.Context:
    """The program's own options, parsed without running anything. The subcommand is not parsed yet."""
    # resilient parsing: otherwise --version would print and exit, and a missing subcommand print the help
    return command.make_context(program, list(argv[1:]), resilient_parsing=True, help_option_names=[])


def _rest(context: click.Context) -> list[str]:
    protected = getattr(context, "_protected_args", None)  # click 8.2 deprecates the public name
    if protected is None:
        protected = getattr(context, "protected_args", [])
    return [*protected, *context.args]


def _leaf(program: str, parent: click.Context, rest: list[str], root: Mapping[str, Any], *above: str) -> Invocation:
    """The subcommand that `rest` calls below `parent`. Here, --help is an unknown option: it changes nothing."""
    import click

    refused = Invocation(program, root=root)
    if not rest or not isinstance(parent.command, click.Group):
        return refused
    try:
        name, command, arguments = parent.command.resolve_command(parent, rest)
        if command is None or (isinstance(command, click.Group) and not arguments):
            return refused  # a group alone prints its help
        context = command.make_context(name, list(arguments), parent=parent, help_option_names=[])
    except click.ClickException:
        return refused
    words = (*above, command.name or "")
    if isinstance(command, click.Group):
        return _leaf(program, context, _rest(context), root, *words)
    return Invocation(program, words, context.params, root)
