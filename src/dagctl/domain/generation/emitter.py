"""A YAML document as a Python module that SQLMesh loads, as a person would have written it."""

from __future__ import annotations

from textwrap import wrap

from attrs import frozen

from dagctl.domain.generation.layout import STEP, WIDTH, call_of, call_with_keywords
from dagctl.domain.generation.literals import literal, live, spoken, triple_quoted
from dagctl.domain.generation.wiring import DEFAULT, SHARED, Wired, wired, without_states
from dagctl.domain.values.document import Call, Leaf, Live, Mapping, YamlDocument, scalars

HELPERS = frozenset({"env_text", "env_var", "yaml_block", "yaml_items", "yaml_text", "yaml_value"})


@frozen
class Provenance:
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


def module_of(document: YamlDocument, origin: Provenance) -> Module:
    """The module that takes a document's place."""
    wiring = wired(document.root, origin.project) if document.root is not None else None
    if wiring is None:
        return Module(_embedded(document.text, origin), None)
    settings = spoken(wiring.settings)
    assert isinstance(settings, Mapping)
    default = live(wiring.default) if wiring.default is not None else None
    lines = [
        *_header(origin),
        "",
        *_imports(settings, default),
        "",
        *([*call_of(default, f"{DEFAULT.name} = "), ""] if default is not None else []),
        *(_function(wiring.shared) if wiring.shared is not None else []),
        *call_with_keywords("config", "project_config", settings),
        "",
    ]
    return Module("\n".join(lines), wiring)


def _function(shared: Call) -> list[str]:
    """What every gateway calls for its state connection."""
    return ["", f"def {SHARED.name}(gateway):", *call_of(shared, "return ", STEP), "", ""]


def _embedded(text: str, origin: Provenance) -> str:
    """The YAML text as it is, rendered whenever the configuration is loaded."""
    text = without_states(text)
    quoted = triple_quoted(text) or literal(text)
    jinja = "{{" in text or "{%" in text
    why = "Jinja decides on the structure of these settings" if jinja else "These settings repeat themselves too often"
    lines = [
        *_header(origin),
        "",
        "from dagctl import get_state_connection",
        "from dagctl.sqlmesh import project_config, yaml_settings",
        "",
        f"# {why}, so they stay YAML.",
        *call_of(Call("yaml_settings", (quoted,)), "settings = "),
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


def _imports(settings: Mapping, default: Call | None) -> list[str]:
    """What the settings need, and nothing else."""
    calls = {_called(scalar) for scalar in (*scalars(settings), *([default] if default is not None else []))}
    helpers = sorted({"project_config", *HELPERS.intersection(calls)})
    one_line = f"from dagctl.sqlmesh import {', '.join(helpers)}"
    several = ["from dagctl.sqlmesh import (", *(f"    {name}," for name in helpers), ")"]
    standard = ["import datetime", ""] if "datetime" in calls else []
    return [*standard, "from dagctl import get_state_connection", *([one_line] if len(one_line) <= WIDTH else several)]


def _called(scalar: Leaf | Live | Call) -> str:
    """What has to be imported for a scalar."""
    if isinstance(scalar, Leaf):
        return "datetime" if not isinstance(scalar.value, str) and "datetime." in literal(scalar.value) else ""
    call = live(scalar) if isinstance(scalar, Live) else scalar
    return call.name.lstrip("*").partition(".")[0]


def _header(origin: Provenance) -> list[str]:
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
