"""The reference of the Python interface, from signatures and docstrings.

`python -m tests.documentation.reference` writes it anew. Signatures are taken from the source and not from objects, so
that every supported Python writes the same pages.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from attrs import field, frozen

DOCS = Path(__file__).parents[2] / "docs" / "reference"
MARK = "<!-- From here on the page is made from docstrings: change those, then run `make docs`. -->"

PAGES = {
    "python.md": ("dagctl", "dagctl.types", "dagctl.errors", "dagctl.sqlmesh"),
    "ports.md": ("dagctl.ports",),
    "testing.md": ("dagctl.testing",),
}

INTERNAL = frozenset(
    """
    ClockCheck Connectable Kept Ports Session Value Verdicts World
    Call Entry Family Item Leaf Live MappingValue Observations PgLogin PlatformModel Signer
    """.split()  # noqa: SIM905 - one a line would be long
)
"""What services and doubles hand to each other. No member that takes or gives one of these is public."""

SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Yields")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@frozen
class Thing:
    """Something public.

    Attributes:
        path: how it is reached: `dagctl.types.Project`, `ProjectService.list`.
        code: its signature.
        doc: its docstring, without indentation; empty where it has none.
        names: the types in its signature.
        fields: attribute names to their types.
    """

    path: str
    code: str = ""
    doc: str = ""
    names: frozenset[str] = frozenset()
    fields: dict[str, str] = field(factory=dict)
    members: tuple[Thing, ...] = ()


@cache
def _tree(module: str) -> ast.Module:
    importlib.import_module(module)
    file = sys.modules[module].__file__
    assert file is not None
    return ast.parse(Path(file).read_text("utf-8"))


def public(module: ModuleType) -> Iterator[Thing]:
    """Everything that a module makes public, in the order of its `__all__`."""
    for name in module.__all__:
        yield _described(f"{module.__name__}.{name}", name, *_found(module.__name__, name))


def _found(module: str, name: str) -> tuple[str, ast.stmt | None, str]:
    """Where a name is defined: the module, the statement, and the string below it."""
    body = _tree(module).body
    inner = [node for node in body if isinstance(node, ast.If)]
    statements = [*body, *(each for node in inner for each in node.body)]
    for place, node in enumerate(statements):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return module, node, ""
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return module, node, _string(statements[place + 1 : place + 2])
    for node in statements:
        if isinstance(node, ast.ImportFrom) and node.module:
            if any((alias.asname or alias.name) == name for alias in node.names):
                return _found(node.module, name)
            if node.names[0].name == "*" and (found := _found(node.module, name))[1] is not None:
                return found
    return module, None, ""


def _string(nodes: list[ast.stmt]) -> str:
    value = nodes[0].value if nodes and isinstance(nodes[0], ast.Expr) else None
    return inspect.cleandoc(value.value) if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _described(path: str, name: str, module: str, node: ast.stmt | None, below: str) -> Thing:
    if isinstance(node, ast.ClassDef):
        return _class(path, name, module, node)
    if isinstance(node, ast.FunctionDef):
        return _function(path, name, node)
    if isinstance(node, ast.Assign):
        return Thing(path, f"{name} = {ast.unparse(node.value)}", below or "Its value is a type.", _types(node.value))
    value = getattr(sys.modules[path.rpartition(".")[0]], name)
    return Thing(path, name, inspect.getdoc(value) or "")


def _function(path: str, name: str, node: Function, *, method: bool = False) -> Thing:
    arguments = node.args
    bound = method and not any(_is(each, "staticmethod") for each in node.decorator_list)
    first = [*arguments.posonlyargs, *arguments.args][:1] if bound else []
    shown = _arguments(arguments, first[0] if first else None)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    given = [each.annotation for each in _all(arguments) if each.annotation is not None]
    names = frozenset().union(*map(_types, [*given, *([node.returns] if node.returns else [])]))
    lines = [f"@{kind}" for kind in ("classmethod", "contextmanager", "staticmethod") if _has(node, kind)]
    code = f"{name}({shown}){returns}"
    if len(code) > 100:
        parts = _arguments(arguments, first[0] if first else None, sep=",\n    ")
        code = f"{name}(\n    {parts},\n){returns}"
    return Thing(path, "\n".join([*lines, code]), ast.get_docstring(node) or "", names)


def _all(arguments: ast.arguments) -> list[ast.arg]:
    extra = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _arguments(arguments: ast.arguments, without: ast.arg | None, sep: str = ", ") -> str:
    """The parameters as written, one by one: `ast.unparse` puts them on one line."""

    def shown(each: ast.arg, default: ast.expr | None) -> str:
        kind = f": {ast.unparse(each.annotation)}" if each.annotation is not None else ""
        if default is None:
            return f"{each.arg}{kind}"
        equals = " = " if kind else "="
        return f"{each.arg}{kind}{equals}{ast.unparse(default)}"

    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    parts = [shown(each, default) for each, default in zip(plain, defaults, strict=True) if each is not without]
    if arguments.vararg is not None:
        parts.append("*" + shown(arguments.vararg, None))
    elif arguments.kwonlyargs:
        parts.append("*")
    parts += [shown(each, value) for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg is not None:
        parts.append("**" + shown(arguments.kwarg, None))
    return sep.join(parts)


def _is(node: ast.expr, name: str) -> bool:
    found = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(found).rpartition(".")[2] == name


def _has(node: Function | ast.ClassDef, decorator: str) -> bool:
    return any(_is(each, decorator) for each in node.decorator_list)


def _types(annotation: ast.expr) -> frozenset[str]:
    """The names in an annotation, those in quotes included."""
    found = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
    return frozenset(found)


def _class(path: str, name: str, module: str, node: ast.ClassDef) -> Thing:
    kind = getattr(importlib.import_module(module), name)
    bases = [base for base in map(ast.unparse, node.bases) if not base.startswith("_") and base not in HIDDEN_BASES]
    fields: dict[str, str] = {}
    names: set[str] = set()
    members: dict[str, Thing] = {}
    made = ""
    for each in _lineage(kind):
        body = _definition(each)
        init = next((one for one in body.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
        if init is not None and not made and "Ports" not in (shown := _function("", name, init, method=True)).names:
            made, names = shown.code.removesuffix(" -> None"), names | shown.names
        for field_name, annotation in [*_annotated(body), *(_assigned(init) if init is not None else ())]:
            if not _types(annotation) & INTERNAL and field_name not in fields:
                fields[field_name] = ast.unparse(annotation)
                names |= _types(annotation)
        for one in body.body:
            if not isinstance(one, ast.FunctionDef) or one.name.startswith(("_", "test_")) or one.name in members:
                continue
            if _has(one, "property") or _has(one, "cached_property") or _has(one, "_Once"):
                member = _function(f"{name}.{one.name}", one.name, one, method=True)
                kind_of = ast.unparse(one.returns) if one.returns else ""
                member = Thing(member.path, f"{one.name}: {kind_of}", member.doc, member.names)
            else:
                member = _function(f"{name}.{one.name}", one.name, one, method=True)
            inherited = not member.doc and any(hasattr(base, one.name) for base in each.__mro__[1:])
            if not member.names & INTERNAL and not inherited and not _has(one, "overload") and not _has(one, "fixture"):
                members[one.name] = member
    values = [line for line in node.body if isinstance(line, ast.Assign) and _is_enum(kind)]
    code = "\n".join(
        [
            f"class {name}({', '.join(bases)})" if bases else f"class {name}",
            *([made] if made and not _is_error(kind) else []),
            *(ast.unparse(line) for line in values),
        ]
    )
    doc = ast.get_docstring(node) or ""
    return Thing(path, code, doc, frozenset(names), fields, tuple(members.values()))


HIDDEN_BASES = {"Protocol", "Generic[T]"}


def _lineage(kind: type) -> Iterator[type]:
    """A class, and the bases of it that have no public name of their own, so that nobody would find them."""
    for each in kind.__mro__:
        if each is kind or (each.__module__.startswith("dagctl.") and each.__name__ not in all_names()):
            yield each


@cache
def all_names() -> frozenset[str]:
    """Every public name, without where it is."""
    modules = [importlib.import_module(name) for names in PAGES.values() for name in names]
    return frozenset(name for module in modules for name in module.__all__)


def _definition(kind: type) -> ast.ClassDef:
    _, node, _ = _found(kind.__module__, kind.__name__)
    assert isinstance(node, ast.ClassDef), kind
    return node


def _is_error(kind: type) -> bool:
    return issubclass(kind, Exception)


def _is_enum(kind: type) -> bool:
    return hasattr(kind, "__members__")


def _annotated(body: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            yield node.target.id, node.annotation


def _assigned(init: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """What a constructor makes an attribute: with a type of its own, a parameter's, or that of what it calls."""
    types = {each.arg: each.annotation for each in _all(init.args)}
    for node in ast.walk(init):
        target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        if not isinstance(target, ast.Attribute) or target.attr.startswith("_"):
            continue
        assert isinstance(node, (ast.Assign, ast.AnnAssign))
        if isinstance(node, ast.AnnAssign):
            yield target.attr, node.annotation
        elif isinstance(node.value, ast.Name) and (annotation := types.get(node.value.id)) is not None:
            yield target.attr, annotation
        elif isinstance(node.value, ast.Call):
            yield target.attr, node.value.func


# as Markdown


def sections(doc: str) -> tuple[str, dict[str, dict[str, str]]]:
    """A docstring in Google's style: its text, and per section the names with what is said of them."""
    blocks = re.split(rf"^({'|'.join(SECTIONS)}):\n", doc, flags=re.MULTILINE)
    found = {title: _entries(body) for title, body in zip(blocks[1::2], blocks[2::2], strict=True)}
    return blocks[0].strip(), found


def _entries(body: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(body).splitlines():
        head = re.match(r"([\w, *]+): (.*)", line)
        if head and not line.startswith(" "):
            name = head[1]
            entries[name] = head[2]
        elif line.strip():
            entries[name] = f"{entries.get(name, '')} {line.strip()}".strip()
    return entries


def rendered(thing: Thing, level: str = "###") -> str:
    """What a page says of it."""
    text, found = sections(thing.doc)
    parts = [f"{level} {thing.path}"]
    if thing.code:
        parts.append(f"```python\n{thing.code}\n```")
    parts.append(_markdown(text))
    told = found.pop("Attributes", {})
    fields = {name: f"`{name}`: `{kind}`" for name, kind in thing.fields.items()}
    said = {one.strip(): words for names, words in told.items() for one in names.split(",")}
    fields |= {name: f"`{name}`" for name in said if name not in fields}
    if fields:
        rows = [f"- {head}: {said[name]}" if name in said else f"- {head}" for name, head in fields.items()]
        parts.append("Attributes:\n\n" + "\n".join(rows))
    for title, entries in found.items():
        rows = [f"- `{name}`: {words}" if name else f"- {words}" for name, words in entries.items()]
        parts.append(f"{title}:\n\n" + "\n".join(rows))
    parts += [rendered(member, level + "#") for member in thing.members]
    return "\n\n".join(part for part in parts if part)


def _markdown(text: str) -> str:
    """reStructuredText's literal blocks as Markdown has them."""
    lines: list[str] = []
    for block in re.split(r"\n\n+", text):
        if lines and lines[-1].endswith("::") and block.startswith((" ", "│")):
            lines[-1] = lines[-1].removesuffix("::").rstrip()
            lines[-1] += ":" if lines[-1] else ""
            lines.append(f"```python\n{dedent(block).rstrip()}\n```")
        elif lines and lines[-1].startswith("```") and block.startswith("    "):
            lines[-1] = lines[-1].removesuffix("\n```") + f"\n\n{dedent(block).rstrip()}\n```"
        else:
            lines.append(block)
    return "\n\n".join(line for line in lines if line)


def _elsewhere(thing: Thing) -> bool:
    """Whether it needs no section: the version, and errors that stand among all the others."""
    name = thing.path.rpartition(".")[2]
    return name == "__version__" or name in importlib.import_module("dagctl.errors").__all__


def page(name: str) -> str:
    """The page as it should be: what somebody wrote at its top stays."""
    written = (DOCS / name).read_text("utf-8").partition(MARK)[0].rstrip()
    parts = [written, MARK]
    for module_name in PAGES[name]:
        module = importlib.import_module(module_name)
        parts.append(f"## {module_name}\n\n{_markdown(inspect.getdoc(module) or '')}")
        parts += [
            rendered(thing) for thing in public(module) if module_name == "dagctl.errors" or not _elsewhere(thing)
        ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the pages."""
    for name in PAGES:
        (DOCS / name).write_text(page(name), "utf-8")


if __name__ == "__main__":
    main()
