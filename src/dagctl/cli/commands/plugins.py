"""List what other packages add: commands (entry points in the group dagctl.commands), and token stores.

dagctl loads each, and names one that does not work, with the reason and the cure. It adds the sandbox's commands in the
same way, so they are in the list too.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Annotated, TypedDict

from dagctl.cli.app import App, columns
from dagctl.cli.registry import no_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagctl.adapters.plugins.entry_points import EntryPoint

configure = no_options


class Plugin(TypedDict):
    """A command or a token store that a package adds."""

    kind: Annotated[str, "`command` or `token store`"]
    name: Annotated[
        str,
        "the entry point's name: a command's words, joined by a dot, or what the token store is called",
    ]
    value: Annotated[str, "what the entry point names"]
    distribution: Annotated[str, "the package"]
    version: Annotated[str, "the package's version"]
    problem: Annotated[str | None, "why it does not work; null if it does"]


class Data(TypedDict):
    """What other packages add."""

    plugins: Annotated[list[Plugin], "the commands, then the token stores"]


def run(args: Namespace, app: App) -> int:
    found = [*_commands(), *_token_stores()]
    record = [
        Plugin(
            kind=kind,
            name=point.name,
            value=point.value,
            distribution=point.distribution,
            version=point.version,
            problem=problem,
        )
        for kind, point, problem in found
    ]
    rows = [[point.name.replace(".", " "), kind, point.owner] for kind, point, problem in found if not problem]
    lines = [columns(rows)] if rows else []
    app.show(Data(plugins=record), "\n".join([*lines, *(problem for _, _, problem in found if problem)]))
    return 0


def _commands() -> Iterator[tuple[str, EntryPoint, str | None]]:
    from dagctl.cli.cures import CommandProblem
    from dagctl.cli.plugins import add_plugins
    from dagctl.cli.registry import Registry

    for command in add_plugins(Registry()):
        try:
            if command.problem is not None:
                raise command.problem
            command.declare(ArgumentParser(prog="dagctl"))
        except CommandProblem as error:
            yield "command", command.point, error.message
        else:
            yield "command", command.point, None


def _token_stores() -> Iterator[tuple[str, EntryPoint, str | None]]:
    from dagctl.adapters.plugins.entry_points import entry_points
    from dagctl.adapters.plugins.token_stores import GROUP
    from dagctl.cli.cures import CommandProblem
    from dagctl.cli.plugins import loading

    owners = {"file": "dagctl", "keyring": "dagctl"}
    for point in entry_points(GROUP):
        owner = owners.setdefault(point.name, point.owner)
        try:
            with loading(point):
                if owner != point.owner:
                    raise ValueError(f"{point.name!r} is a token store of {owner}")
                if not callable(point.load()):
                    raise TypeError("it is no function")
        except CommandProblem as error:
            yield "token store", point, error.message
        else:
            yield "token store", point, None
