"""A YAML document as a Python module that SQLMesh loads, as a person would have written it."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from attrs import evolve, frozen

from dagctl.domain.generation.document import Entry, Item, Leaf, Live, Mapping, Node, Sequence, YamlDocument
from dagctl.domain.generation.literals import literal, live, triple_quoted

WIDTH = 88
STEP = 4
GATEWAY_KEYS = frozenset(
    {"connection", "state_connection", "test_connection", "scheduler", "state_schema", "variables", "model_defaults"}
)


@frozen
class Call:
    """A call that stands for a value: a name, and arguments that are written already."""

    name: str
    arguments: tuple[str, ...]


@frozen
class Module:
    """A Python module, and what was left behind on the way to it.

    Attributes:
        replaced: the gateways whose own state connection gave way to dagctl's.
    """

    text: str
    replaced: tuple[str, ...] = ()


def module_of(document: YamlDocument, *, project: str, source: str, backup: str) -> Module:
    """The module that takes a document's place.

    Args:
        project: the dagctl project to pin.
        source, backup: the names of the YAML file, and of what it is kept as.
    """
    header = _header(project, source, backup)
    if document.root is None:
        return Module(_embedded(document.text, header, project))
    settings, replaced = wired(document.root, project)
    body = _lines("project_config", settings)
    text = "\n".join(body)
    names = [name for name in ("env_text", "env_var", "project_config", "yaml_value") if f"{name}(" in text]
    imports = ["from dagctl import get_state_connection", *_import("dagctl.sqlmesh", names)]
    if "datetime." in text:
        imports = ["import datetime", "", *imports]
    return Module("\n".join([header, "", *imports, "", text, ""]), replaced)


def wired(root: Mapping, project: str) -> tuple[Mapping, tuple[str, ...]]:
    """The document with dagctl's state connection in every gateway, and the gateways that had one of their own."""
    default = root.get("default_target_environment") or Leaf("prod")
    entry = next((found for found in root.entries if found.key in (Leaf("gateways"), Leaf("gateway"))), None)
    if entry is None:
        added = Entry(Leaf("gateways"), _gateways(Mapping(), default, project)[0])
        return evolve(root, entries=(added, *root.entries)), ()
    value = entry.value if isinstance(entry.value, Mapping) else Mapping()
    gateways, replaced = _gateways(value, default, project)
    entries = tuple(
        evolve(found, key=Leaf("gateways"), value=gateways) if found is entry else found for found in root.entries
    )
    return evolve(root, entries=entries), replaced


def _gateways(gateways: Mapping, default: Node, project: str) -> tuple[Mapping, tuple[str, ...]]:
    alone = len(gateways.keys()) == len(gateways.entries) and GATEWAY_KEYS.issuperset(map(str, gateways.keys()))
    if alone:  # one gateway without a name, or none at all
        gateways = Mapping((Entry(Leaf(""), gateways),))
    entries, replaced = [], []
    for entry in gateways.entries:
        gateway = entry.value if isinstance(entry.value, Mapping) else Mapping()
        if gateway.get("state_connection") is not None:
            replaced.append(str(entry.key.value) if isinstance(entry.key, Leaf) else entry.key.source)
        entries.append(evolve(entry, value=_with_state(gateway, entry.key, default, project)))
    return evolve(gateways, entries=tuple(entries)), tuple(replaced)


def _with_state(gateway: Mapping, name: Leaf | Live, default: Node, project: str) -> Mapping:
    arguments = (
        *((f"gateway={_one_line(name)}",) if name != Leaf("") else ()),
        f"default_environment={_one_line(default)}",
        f"project={literal(project)}",
    )
    call = Call("get_state_connection", arguments)
    key = Leaf("state_connection")
    kept = [entry for entry in gateway.entries if entry.key != key]
    position = next((place + 1 for place, entry in enumerate(kept) if entry.key == Leaf("connection")), 0)
    entry = Entry(key, call)  # type: ignore[arg-type]
    return evolve(gateway, entries=(*kept[:position], entry, *kept[position:]))


def _lines(function: str, settings: Mapping) -> list[str]:
    """`config = function(key=value, …)`, a setting a line."""
    lines = [f"config = {function}("]
    for entry in settings.entries:
        name = entry.key.value if isinstance(entry.key, Leaf) else None
        if isinstance(name, str) and name.isidentifier():
            lines += _entry(entry, f"{name}=", STEP)
        else:
            inner = Mapping((evolve(entry, above=(), beside=None),))
            lines += _comments(entry.above, STEP) + _node(inner, STEP, "**", None)
    return [*lines, *_comments(settings.tail, STEP), ")"]


def _entry(entry: Entry | Item, prefix: str, indent: int) -> list[str]:
    lines = _node(entry.value, indent, prefix, entry.beside)
    too_wide = entry.beside is not None and len(lines[0]) > WIDTH
    if too_wide and entry.beside is not None:
        return [
            *_comments((*entry.above, entry.beside), indent),
            *_node(entry.value, indent, prefix, None),
        ]
    return [*_comments(entry.above, indent), *lines]


def _node(node: Node | Call, indent: int, prefix: str, beside: str | None) -> list[str]:
    """A value with what comes before it, and a comma behind it."""
    pad, note = " " * indent, f"  {_comment(beside)}" if beside is not None else ""
    one_line = _one_line(node)
    fits = one_line is not None and len(f"{pad}{prefix}{one_line},") <= WIDTH
    if isinstance(node, Leaf) and isinstance(node.value, str) and "\n" in node.value:
        quoted = triple_quoted(node.value)
        return [*([f"{pad}{_comment(beside)}"] if beside is not None else []), f"{pad}{prefix}{quoted or one_line},"]
    if one_line is not None and (fits or isinstance(node, Leaf)):
        return [f"{pad}{prefix}{one_line},{note}"]
    if isinstance(node, Mapping):
        return [f"{pad}{prefix}{{{note}", *_inside(node, indent + STEP), f"{pad}}},"]
    if isinstance(node, Sequence):
        return [f"{pad}{prefix}[{note}", *_inside(node, indent + STEP), f"{pad}],"]
    call = node if isinstance(node, Call) else Call(*live(node))  # type: ignore[arg-type]
    if len(call.arguments) == 1 and not call.arguments[0].endswith(")"):
        return [f"{pad}{prefix}{call.name}(", f"{pad}{' ' * STEP}{call.arguments[0]}", f"{pad}),{note}"]
    inner = " " * (indent + STEP)
    together = ", ".join(call.arguments)
    if len(f"{inner}{together}") <= WIDTH:
        return [f"{pad}{prefix}{call.name}({note}", f"{inner}{together}", f"{pad}),"]
    return [f"{pad}{prefix}{call.name}({note}", *(f"{inner}{argument}," for argument in call.arguments), f"{pad}),"]


def _inside(node: Mapping | Sequence, indent: int) -> list[str]:
    lines: list[str] = []
    if isinstance(node, Mapping):
        for entry in node.entries:
            lines += _entry(entry, f"{_one_line(entry.key)}: ", indent)
    else:
        for item in node.items:
            lines += _entry(item, "", indent)
    return [*lines, *_comments(node.tail, indent)]


def _one_line(node: Node | Call) -> str | None:
    """The expression on one line; None where it needs several."""
    if isinstance(node, Leaf):
        return literal(node.value)
    if isinstance(node, Call):
        return f"{node.name}({', '.join(node.arguments)})"
    if isinstance(node, Live):
        return _one_line(Call(*live(node)))
    if isinstance(node, Mapping):
        return _short_mapping(node)
    if node.tail:
        return None
    parts = [_one_line(item.value) for item in node.items]
    plain = all(isinstance(item.value, (Leaf, Live)) and not item.above and not item.beside for item in node.items)
    return f"[{', '.join(filter(None, parts))}]" if plain else None


def _short_mapping(node: Mapping) -> str | None:
    """A mapping with nothing or just one scalar in it: nobody gives that more than a line."""
    if node.tail or len(node.entries) > 1:
        return None
    if not node.entries:
        return "{}"
    (entry,) = node.entries
    simple = isinstance(entry.value, (Leaf, Live)) and not entry.above and entry.beside is None
    return f"{{{_one_line(entry.key)}: {_one_line(entry.value)}}}" if simple else None


def _comments(texts: Iterable[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{_comment(text)}" for text in texts]


def _comment(text: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in text).rstrip()
    if not shown:
        return "#"
    return f"#{shown}" if shown.startswith((" ", "#", "!", ":")) else f"# {shown}"


def _import(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    return [line] if len(line) <= WIDTH else [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _header(project: str, source: str, backup: str) -> str:
    shown = "".join(character for character in project if character.isprintable() and character not in '"\\')
    words = (
        f"Made by `dagctl config generate` from {source}, which is kept as {backup}. It is yours to edit. To make it "
        f"anew, move {backup} back and run `dagctl config generate --force`."
    )
    return "\n".join(
        [f'"""SQLMesh configuration; its state is in the dagctl project {shown}.', "", *wrap(words, WIDTH), '"""']
    )


def _embedded(text: str, header: str, project: str) -> str:
    """The YAML text as it is, rendered whenever the configuration is loaded: its Jinja decides on its structure."""
    quoted = triple_quoted(text) or literal(text)
    return "\n".join(
        [
            header,
            "",
            "from dagctl.sqlmesh import project_config_from_yaml",
            "",
            "# Jinja decides on the structure of this configuration, so it stays YAML.",
            "config = project_config_from_yaml(",
            f"    {quoted},",
            f"    project={literal(project)},",
            ")",
            "",
        ]
    )
