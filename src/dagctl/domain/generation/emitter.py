"""A YAML document as a Python module that SQLMesh loads, as a person would have written it."""

from __future__ import annotations

from textwrap import wrap

from attrs import frozen

from dagctl.domain.generation.layout import STEP, WIDTH, call_with_keywords
from dagctl.domain.generation.literals import literal, live, triple_quoted
from dagctl.domain.generation.wiring import Wired, wired
from dagctl.domain.values.document import Leaf, Live, Mapping, YamlDocument, scalars


@frozen
class Origin:
    """What a module is made from.

    Attributes:
        source: the name of the YAML file.
        again: how to make the module anew, as a sentence.
        project: the dagctl project to pin.
    """

    source: str
    again: str
    project: str


@frozen
class Module:
    """A Python module, and what was left behind on the way to it.

    Attributes:
        wiring: how the gateways were wired; None where that happens when the module is loaded, because Jinja
            decides on the structure.
    """

    text: str
    wiring: Wired | None


def module_of(document: YamlDocument, origin: Origin) -> Module:
    """The module that takes a document's place."""
    wiring = wired(document.root, origin.project) if document.root is not None else None
    if wiring is None:
        return Module(_embedded(document.text, origin), None)
    lines = [
        *_header(origin),
        "",
        *_imports(wiring.settings),
        "",
        *call_with_keywords("config", "project_config", wiring.settings),
        "",
    ]
    return Module("\n".join(lines), wiring)


def _embedded(text: str, origin: Origin) -> str:
    """The YAML text as it is, rendered whenever the configuration is loaded."""
    quoted = triple_quoted(text) or literal(text)
    lines = [
        *_header(origin),
        "",
        "from dagctl import get_state_connection",
        "from dagctl.sqlmesh import project_config, yaml_settings",
        "",
        "# Jinja decides on the structure of these settings, so they stay YAML.",
        *_call("settings = yaml_settings", quoted),
        "",
        'for name, gateway in settings["gateways"].items():',
        '    gateway["state_connection"] = get_state_connection(',
        "        gateway=name or None,",
        '        default_environment=settings.get("default_target_environment", "prod"),',
        f"        project={literal(origin.project)},",
        "    )",
        "",
        "config = project_config(**settings)",
        "",
    ]
    return "\n".join(lines)


def _call(function: str, argument: str) -> list[str]:
    """A call with one argument; ruff lets a text of several lines hug the parentheses."""
    if "\n" in argument or len(f"{function}({argument})") <= WIDTH:
        return [f"{function}({argument})"]
    return [f"{function}(", f"{' ' * STEP}{argument}", ")"]


def _imports(settings: Mapping) -> list[str]:
    """What the settings need, and nothing else."""
    found = list(scalars(settings))
    values = [scalar.value for scalar in found if isinstance(scalar, Leaf) and not isinstance(scalar.value, str)]
    standard = ["import datetime", ""] if any("datetime." in literal(value) for value in values) else []
    helpers = {live(scalar).name for scalar in found if isinstance(scalar, Live)} | {"project_config"}
    helping = f"from dagctl.sqlmesh import {', '.join(sorted(helpers))}"
    return [*standard, "from dagctl import get_state_connection", helping]


def _header(origin: Origin) -> list[str]:
    words = f"Made by `dagctl config generate` from {origin.source}. It is yours to edit. {origin.again}"
    lines = wrap(_harmless(words), WIDTH, break_long_words=False, break_on_hyphens=False)
    return [
        f'"""SQLMesh configuration; its state is in the dagctl project {_harmless(origin.project)}.',
        "",
        *lines,
        '"""',
    ]


def _harmless(text: str) -> str:
    """Other people's names, fit for a docstring."""
    return "".join(character for character in text if character.isprintable() and character not in '"\\')
