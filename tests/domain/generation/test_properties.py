"""Configurations built from SQLMesh's own field definitions, in every YAML style: none differs in Python."""

from __future__ import annotations

import enum
import io
import types
import typing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from ruamel.yaml import YAML
from tests.domain.generation.conftest import variables

from dagctl.adapters.sqlmesh.project import differences, loaded
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.generation.emitter import Provenance, module_of

if TYPE_CHECKING:
    from sqlmesh.core.config import Config

NAMES = st.text("abcXYZ_-.: '\"#{}[]é\\", min_size=1, max_size=8)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "on",
        "017",
        "1e3",
        "~",
        "{{",
        "%}",
        "it's",
        'say "hi"',
        "a: b",
        "# x",
        "\n",
        "a\n\n b\n",
        "- a",
        "2024-01-01",
        "\\",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)

CONSTRAINED: dict[str, st.SearchStrategy[Any]] = {
    "snapshot_ttl": st.sampled_from(["in 1 week", "in 30 days"]),
    "environment_ttl": st.none() | st.sampled_from(["in 1 week", "in 30 days"]),
    "physical_schema_mapping": st.dictionaries(
        st.sampled_from(["^a$", "b.*", "\\d+"]), st.sampled_from("xyz"), max_size=2
    ),
    "environment_catalog_mapping": st.dictionaries(st.sampled_from(["^a$", ".*"]), st.sampled_from("xyz"), max_size=2),
    "dialect": st.sampled_from(["duckdb", "postgres", "snowflake"]),
    "start": st.sampled_from(["2024-01-01", "1 week ago"]),
    "default_start": st.sampled_from(["2024-01-01", "1 week ago"]),
    "cron": st.sampled_from(["@daily", "0 5 * * *"]),
    "kind": st.sampled_from(["full", "view"]),
    "variables": st.dictionaries(st.sampled_from(["a", "B", "c d", "é"]), ANYTHING, max_size=4),
    "connection": st.fixed_dictionaries(
        {"type": st.just("duckdb")}, optional={"database": TEXT, "concurrent_tasks": st.just(1)}
    ),
    "scheduler": st.just({"type": "builtin"}),
    "notification_targets": st.lists(
        st.fixed_dictionaries({"type": st.just("console")}, optional={"notify_on": st.just(["run_failure"])}),
        max_size=2,
    ),
    "gateways": st.deferred(lambda: GATEWAYS),  # type: ignore[has-type]
    "cicd_bot": st.fixed_dictionaries(
        {"type": st.just("github")}, optional={"merge_method": st.sampled_from(["merge", "squash", "rebase"])}
    ),
    "cache_dir": TEXT,
}
"""What the type alone does not tell: SQLMesh validates further."""

LEFT_OUT = {"loader", "dbt", "default_test_connection", "default_connection", "default_scheduler", "rules"}


def values(name: str, annotation: object) -> st.SearchStrategy[Any]:
    """What SQLMesh takes for a field, as YAML can say it."""
    for constrained in (name, name.rpartition("_")[2]):
        if constrained in CONSTRAINED:
            return CONSTRAINED[constrained]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return st.one_of([values("", argument) for argument in arguments])
    if origin is typing.Annotated:
        return values("", arguments[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (list, set):
        return st.lists(values("", arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(NAMES, values("", arguments[1]), max_size=3)
    return atoms(annotation)


def atoms(annotation: object) -> st.SearchStrategy[Any]:
    known: dict[Any, st.SearchStrategy[Any]] = {
        type(None): st.none(),
        bool: st.booleans(),
        int: st.integers(0, 10**6),
        float: st.floats(0, 10**6),
        str: TEXT,
        Any: ANYTHING,
    }
    if annotation in known:
        return known[annotation]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return st.sampled_from([member.value for member in annotation])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return fields_of(annotation)
    return TEXT


def fields_of(model: type[BaseModel], required: frozenset[str] = frozenset()) -> st.SearchStrategy[dict[str, Any]]:
    optional: dict[Any, Any] = {}
    must: dict[Any, Any] = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key not in LEFT_OUT:
            (must if info.is_required() or key in required else optional)[key] = values(key, info.annotation)
    return st.fixed_dictionaries(must, optional=optional)


def whole() -> st.SearchStrategy[dict[str, Any]]:
    from sqlmesh.core.config import Config

    names = [info.alias or name for name, info in Config.model_fields.items()]
    chosen = st.sets(st.sampled_from([name for name in names if name not in LEFT_OUT]), max_size=8)
    everything = fields_of(Config, frozenset(names) - LEFT_OUT)
    picked = st.builds(
        lambda all_, some: {key: value for key, value in all_.items() if key in some}, everything, chosen
    )
    return st.builds(
        lambda some, dialect: {**some, "model_defaults": {**some.get("model_defaults", {}), "dialect": dialect}},
        picked,
        st.just("duckdb"),
    )


def gateways() -> st.SearchStrategy[Any]:
    from sqlmesh.core.config.gateway import GatewayConfig

    one = fields_of(GatewayConfig)
    return one | st.dictionaries(st.sampled_from(["local", "PG", "a b", "é", "{x}"]), one, max_size=3)


GATEWAYS = gateways()


def yaml_text(settings: object, *, flow: bool | None, width: int, live: bool) -> tuple[str, dict[str, str]]:
    """The settings in YAML; if `live`, some plain words in it come from variables."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = flow, width, True
    stream = io.StringIO()
    yaml.dump(settings, stream)
    text = stream.getvalue()
    if not live:
        return text, {}
    swapped = text.replace(": duckdb", ": {{ env_var('DIALECT', 'duckdb') }}").replace(
        ": console", ": '{{ env_var(\"TARGET\") }}'"
    )
    return swapped, {"TARGET": "console"}


def test_no_difference() -> None:
    seen = {"same": 0, "refused": 0}

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(whole(), st.sampled_from([None, True, False]), st.sampled_from([20, 80, 4096]), st.booleans())
    def check(config: dict[str, Any], flow: bool | None, width: int, live: bool) -> None:
        text, environment = yaml_text(config, flow=flow, width=width, live=live)
        with TemporaryDirectory() as name, variables(environment):
            original = attempt(Path(name) / "yaml", "config.yaml", text)
            seen["refused" if original is None else "same"] += 1
            assume(original is not None)
            python = module_of(
                RuamelReader().read(text, "config.yaml"), Provenance("config.yaml", "Again.", "shop")
            ).text
            (Path(name) / "python").mkdir()
            (Path(name) / "python" / "config.py").write_text(python, "utf-8")
            assert differences(original, loaded(Path(name) / "python")) == (), f"{text}\n{python}"

    check()
    assert seen["same"] > seen["refused"], "SQLMesh refuses most of them: the test says little"


def attempt(folder: Path, name: str, text: str) -> Config | None:
    folder.mkdir()
    (folder / name).write_text(text, "utf-8")
    try:
        config: Config = loaded(folder)
    except Exception:  # noqa: BLE001 - SQLMesh does not take it
        return None
    return config
