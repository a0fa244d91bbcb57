"""The reference of `--json`: what the commands declare. `python -m tests.cli.json_reference` writes it anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from inspect import cleandoc
from pathlib import Path, PurePath
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tests.cli.reference import COMMANDS as COMMANDS

from dagctl.cli import endings, records
from dagctl.cli.cures import CommandProblem
from dagctl.cli.registry import Command
from dagctl.domain.errors import DagctlError

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
BEGIN = "\n## Commands\n"
PLAIN = {
    str: "string",
    bool: "boolean",
    int: "integer",
    datetime: "time",
    PurePath: "path",
    NoneType: "null",
}
TYPES = {"PurePath": PurePath}
"""What `dagctl.cli.records` imports for type checkers alone."""


def data_of(command: Command) -> type | None:
    """What a command declares; None where it has no JSON."""
    return getattr(command.load(), "Data", None)


def events_of(command: Command) -> Mapping[str, type]:
    """The events that a command declares, by their names."""
    found: Mapping[str, type] = getattr(command.load(), "EVENTS", {})
    return found


def fields(shape: type) -> dict[str, Any]:
    """The fields of a shape with their types."""
    return get_type_hints(shape, localns=TYPES)


def meanings(shape: type) -> dict[str, str]:
    """What a shape says of each of its fields."""
    hints = get_type_hints(shape, localns=TYPES, include_extras=True)
    assert all(get_origin(hint) is Annotated for hint in hints.values()), f"{shape.__name__} has a field without one"
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


def summary(kind: type) -> str:
    """What a docstring says before its first section."""
    return " ".join(cleandoc(kind.__doc__ or "").partition("\n\nAttributes:\n")[0].split())


def type_name(kind: Any) -> str:
    """A type, for the page."""
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is list:
        return f"list of {type_name(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"object of {type_name(get_args(kind)[1])}"
    if get_args(kind):
        return " or ".join(type_name(each) for each in get_args(kind))
    return PLAIN.get(kind) or f"[{kind.__name__}](#{kind.__name__.lower()})"


def table(shape: type) -> str:
    """The fields of a shape."""
    said = meanings(shape)
    rows = [f"| `{name}` | {type_name(kind)} | {said[name]} |" for name, kind in fields(shape).items()]
    return "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows])


def section(command: Command) -> Iterator[str]:
    """What the page says of a command."""
    data = data_of(command)
    yield f"### dagctl {' '.join(command.words)}"
    if data is None:
        yield "No JSON: the command prints what another program does, and refuses `--json`."
        return
    yield summary(data)
    yield table(data)
    for name, event in events_of(command).items():
        yield f"The event `{name}`: {summary(event)}"
        yield table(event)


def shapes() -> list[type]:
    """The shapes that fields name, in the order in which they are first met."""
    found: list[type] = []

    def visit(kind: Any) -> None:
        for each in get_args(kind) or (kind,):
            if each is not kind:
                visit(each)
            elif hasattr(each, "__required_keys__"):
                if each not in tops and each not in found:
                    found.append(each)
                for inner in fields(each).values():
                    visit(inner)

    tops = [shape for command in COMMANDS if (shape := data_of(command))]
    for top in tops:
        visit(top)
    return found


def kinds(root: type[DagctlError] = DagctlError) -> Iterator[type[DagctlError]]:
    """Every class of error that the program has, as the tree is drawn; not those that it makes for SQLMesh."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__.startswith("dagctl.") and vars(sys.modules[kind.__module__]).get(kind.__name__) is kind:
            yield from kinds(kind)


def errors() -> Iterator[str]:
    """The rows of the table of errors."""
    yield "| code | exit code | meaning | facts |"
    yield "| --- | --- | --- | --- |"
    assert CommandProblem in kinds()
    for kind in kinds():
        names = ", ".join(f"`{name}`" for name in endings.fact_names(kind).values())
        yield f"| `{endings.code_of(kind)}` | {endings.exit_code_of(kind)} | {summary(kind)} | {names} |"
    for code, (exit_code, meaning) in endings.OTHERS.items():
        yield f"| `{code}` | {exit_code} | {meaning} | {'`log`' if code == 'bug' else ''} |"


def generated() -> str:
    """The page from the first command on."""
    parts = ["## Commands"]
    for command in COMMANDS:
        parts += section(command)
    parts.append("## Shapes")
    for shape in shapes():
        parts += [f"### {shape.__name__}", summary(shape), table(shape)]
    parts += [
        "## Warnings",
        "| code | meaning |\n| --- | --- |\n"
        + "\n".join(f"| `{code}` | {meaning} |" for code, meaning in records.WARNINGS.items()),
    ]
    parts += ["## Errors", "\n".join(errors())]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the page; what is above the first command stays."""
    head = PAGE.read_text("utf-8").partition(BEGIN)[0].rstrip()
    PAGE.write_text(f"{head}\n\n{generated()}", "utf-8")


if __name__ == "__main__":
    main()
