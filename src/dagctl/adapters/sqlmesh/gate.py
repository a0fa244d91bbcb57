"""The gate: SQLMesh's `Context` asks before it starts to change an environment.

By the time SQLMesh records an environment, a plan has already built and filled tables; a run records no environment at
all. So the gate wraps the methods of `Context` that everything calls: the command line, notebooks, the UI, the bot,
Dagster and scripts. It wraps them once in each process. Contexts whose state dagctl neither keeps nor has checked pass
through.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

import sqlmesh
from sqlmesh.core.context import GenericContext
from sqlmesh.core.state_sync import EngineAdapterStateSync
from sqlmesh.utils.date import now_timestamp

from dagctl.adapters.sqlmesh.errors import for_sqlmesh
from dagctl.adapters.sqlmesh.loading import callers, runs
from dagctl.adapters.sqlmesh.warden import OPTION, Warden
from dagctl.domain.errors import DagctlError, ProtectionUnknown
from dagctl.domain.values.targets import PRODUCTION, sanitized

Arguments = Mapping[str, Any]

_BOT = "sqlmesh.integrations.github.cicd.controller"

_everywhere: list[Warden] = []
"""The wardens of every context in the process, wherever it keeps its state."""


def stand(everywhere: Warden | None = None) -> None:
    """Install the gate, if it is not installed yet. Thread-safe.

    Args:
        everywhere: a warden for every context of this process, not just those whose state dagctl keeps.

    Raises:
        ProtectionUnknown: this version of SQLMesh lacks the methods to wrap.
    """
    for owner, name, needs, asked in _GATED:
        method = inspect.getattr_static(owner, name, None)
        if hasattr(method, "dagctl"):
            continue
        signature = inspect.signature(method) if method is not None else None
        if signature is None or needs - signature.parameters.keys():
            raise ProtectionUnknown(
                "This dagctl knows SQLMesh 0.200 to 0.236 and cannot guard environments in SQLMesh "
                f"{sqlmesh.__version__}: it has no {owner.__name__}.{name}({', '.join(needs)}).",
                outdated=True,
            )
        # No lock: two threads may wrap the same original, and the later wrapper replaces an equal one.
        setattr(owner, name, _gated(method, signature, asked))
    if everywhere is not None and everywhere not in _everywhere:
        _everywhere.append(everywhere)


def _gated(method: Any, signature: inspect.Signature, asked: Callable[[Any, Arguments], Iterable[str]]) -> Any:
    @wraps(method)
    def gated(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = _own(self)
        for warden in _everywhere if own is None else [own, *_everywhere]:
            arguments = signature.bind(self, *args, **kwargs).arguments
            try:
                # one at a time: a refusal comes before the state is read for further environments
                for environment in asked(self, arguments):
                    # people may read a plan for an hour before they apply it
                    warden.require([environment], again="plan" in arguments)
            except DagctlError as error:
                raise for_sqlmesh(error) from None
        return method(self, *args, **kwargs)

    gated.dagctl = True  # type: ignore[attr-defined]
    return gated


def _own(at: Any) -> Warden | None:
    """The warden of the state that a context or a state sync uses; None if dagctl does not keep that state."""
    sync = at if isinstance(at, EngineAdapterStateSync) else at._provided_state_sync
    if sync is None:
        # from the configuration: the context's own state sync would connect, and migrate an empty database
        connection = at.config.get_state_connection(at.gateway) or at.connection_config
        return getattr(connection, "warden", None)
    adapter = getattr(getattr(sync, "state_sync", sync), "engine_adapter", None)  # SQLMesh wraps one in a cache
    return getattr(adapter, "_extra_config", {}).get(OPTION)


def _default(context: Any) -> str:
    return context.config.default_target_environment or PRODUCTION


def _chosen(context: Any, arguments: Arguments) -> Iterator[str]:
    """The environment that SQLMesh would choose."""
    if not arguments.get("explain"):  # SQLMesh only prints what such a plan would do
        yield arguments.get("environment") or _default(context)


def _planned(context: Any, arguments: Arguments) -> Iterator[str]:
    """The bot makes plans of production to show on a pull request, and applies one only when it deploys."""
    if not any(runs(frame, _BOT, "prod_plan", "prod_plan_with_gaps") for frame in callers()):
        yield from _chosen(context, arguments)


def _run(context: Any, arguments: Arguments) -> Iterator[str]:
    for environment in _chosen(context, arguments):
        yield environment
        if sanitized(environment) == PRODUCTION and not arguments.get("skip_janitor"):
            yield from _expired(context)


def _applied(context: Any, arguments: Arguments) -> Iterator[str]:
    plan = arguments["plan"]
    if not plan.explain:
        yield plan.environment_naming_info.name


def _invalidated(context: Any, arguments: Arguments) -> Iterator[str]:
    yield arguments["name"]
    if arguments.get("sync"):
        yield from _expired(context)


def _expired(context: Any) -> Iterator[str]:
    """The environments that the janitor would drop. If dagctl keeps the state, the net protects them instead."""
    if _own(context) is None:
        for environment in context.state_sync.get_expired_environments(current_ts=now_timestamp()):
            yield environment.name


def _cleaned(context: Any, arguments: Arguments) -> Iterable[str]:
    name = arguments.get("environment")
    return (PRODUCTION, _default(context)) if name is None else (name,)


def _every(context: Any, arguments: Arguments) -> Iterator[str]:
    yield from (PRODUCTION, _default(context))
    # not the context's own, which migrates an empty state and does not open one of another version
    yield from _stored(context._new_state_sync(), arguments)


def _stored(state: Any, arguments: Arguments) -> Iterator[str]:
    if state.get_versions(validate=False).schema_version:
        yield from (environment.name for environment in state.get_environments_summary())


_GATED: tuple[tuple[Any, str, set[str], Callable[[Any, Arguments], Iterable[str]]], ...] = (
    (GenericContext, "plan_builder", {"environment"}, _planned),  # `plan` calls it
    (GenericContext, "run", {"environment", "skip_janitor"}, _run),
    (GenericContext, "apply", {"plan"}, _applied),
    (GenericContext, "invalidate_environment", {"name", "sync"}, _invalidated),
    (GenericContext, "run_janitor", set(), _cleaned),
    (GenericContext, "destroy", set(), _every),
    (GenericContext, "migrate", set(), _every),
    (GenericContext, "rollback", set(), _every),
    (GenericContext, "import_state", set(), _every),
    (EngineAdapterStateSync, "invalidate_environment", {"name"}, _invalidated),  # the UI calls it directly
    (EngineAdapterStateSync, "remove_state", set(), _stored),
)
