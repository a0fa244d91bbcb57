"""Ports that log each call: how long it took, how it ended, and the platform's request ID.

A line shows only what `_SHOWN` and `_PARAMETERS` list: a new argument stays out of the log until it is added there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from functools import wraps
from pathlib import PurePath
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import evolve, fields_dict

from dagctl.adapters.system.log import DEBUG, HERE, INFO, teller
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.text import quoted
from dagctl.ports.storage import Storage, Stores

if TYPE_CHECKING:
    from dagctl._sdk import Ports

_AWAY = {"api", "identity", "probe"}
_CHANGING = {"clear", "copy", "move", "open", "remove", "save", "tried", "write"}
"""Calls that leave the process or change something stored are INFO: those of these ports, and those of these names."""

_UNTOLD = {"now", "monotonic"}
"""Methods that are never logged."""

_SHOWN = (
    *("api_url", "issuer_host", "organization_id", "org", "project", "project_id", "environment"),
    *("current_org", "current_project", "hostspec", "database", "sslmode", "expires_at", "allowed"),
)
"""What a line shows: parameters of these names, and attributes of domain values among arguments and results."""

_PARAMETERS = {*_SHOWN, "folder", "name", "path", "seconds", "source", "target", "timeout"}


class Logged:
    """Wraps an adapter and logs its calls. In everything else it behaves like that adapter."""

    __slots__ = ("_adapter", "_port")

    def __init__(self, port: str, adapter: Any) -> None:
        object.__setattr__(self, "_port", port)
        object.__setattr__(self, "_adapter", adapter)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # so that `isinstance` sees the adapter
        found: type = self._adapter.__class__
        return found

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        told = callable(found) and not name.startswith("_") and name not in _UNTOLD
        return _logged_call(self._port, name, found) if told else found

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._adapter, name, value)

    def __eq__(self, other: object) -> bool:
        return bool(self._adapter == (other._adapter if type(other) is Logged else other))

    def __hash__(self) -> int:
        return hash(self._adapter)

    def __reduce__(self) -> tuple[Any, ...]:
        return Logged, (self._port, self._adapter)


def logged(ports: Ports) -> Ports:
    """`ports`, each of which logs its calls. A port that is added later is included."""
    special = {"overrides", "storage", "sqlmesh", "connector", "libpq", "observed"}
    adapters: dict[str, Any] = {
        name: Logged(name, getattr(ports, name)) for name in fields_dict(type(ports)) if name not in special
    }
    find_sqlmesh = ports.sqlmesh
    return evolve(
        ports,
        **adapters,
        storage=Storage(_logged_stores(ports.storage.current), Logged("shelf", ports.storage.others)),
        sqlmesh=lambda: _unless_none("sqlmesh", find_sqlmesh()),
        connector=_logged_call("", "connector", ports.connector),
        libpq=_logged_call("", "libpq", ports.libpq),
        observed=Logged,
    )


def _unless_none(port: str, adapter: object) -> Any:
    return None if adapter is None else Logged(port, adapter)


def _logged_stores(stores: Stores) -> Stores:
    return Stores(**{name: Logged(name, getattr(stores, name)) for name in fields_dict(Stores)})


def _logged_call(port: str, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
    name = f"{port}.{verb}".lstrip(".")
    level = INFO if port in _AWAY or verb in _CHANGING else DEBUG

    @wraps(call)
    def calling(*args: Any, **options: Any) -> Any:
        tell = teller(level)
        if tell is None:
            result = call(*args, **options)
        else:
            with _Line(tell, name, "ok in", _facts_of_call(call, args, options)) as line:
                result = call(*args, **options)
                line.facts.update(_facts(result))
                line.told = not isinstance(result, AbstractContextManager)  # a block gets two lines of its own
            if not line.told:
                return _logged_block(tell, port, name, result)
        return _logged_stores(result) if isinstance(result, Stores) else result

    return calling


@contextmanager
def _logged_block(tell: Callable[[str], None], port: str, name: str, block: Any) -> Iterator[Any]:
    with ExitStack() as stack:
        with _Line(tell, name, "entered after", {}):
            value = stack.enter_context(block)
        with _Line(tell, name, "left after", {}):
            # a token store yields a function that saves, a browser yields the visit
            yield _logged_call(port, "save", value) if callable(value) else _unless_none("visit", value)


class _Line:
    """Logs a call that lasts as long as the block, with `facts`. With `told` false, it logs only a failure."""

    def __init__(self, tell: Callable[[str], None], name: str, outcome: str, facts: dict[str, str]) -> None:
        self._tell, self._name, self._outcome, self.facts, self.told = tell, name, outcome, facts, True

    def __enter__(self) -> _Line:
        HERE.request_id, self._began = "", perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        took = f"{(perf_counter() - self._began) * 1000:.0f} ms"
        outcome = self._outcome if kind is None else f"{kind.__name__} after"
        why = f": {error.message}" if isinstance(error, DagctlError) else ""  # others' messages may contain secrets
        facts = {**self.facts, "request_id": HERE.request_id}
        shown = "".join(f" {name}={quoted(text)}" for name, text in facts.items() if text)
        if self.told or kind is not None:
            self._tell(f"{self._name}{shown} {outcome} {took}{why}")


def _facts_of_call(call: Callable[..., Any], args: Any, options: Any) -> dict[str, str]:
    from inspect import signature

    facts: dict[str, str] = {}
    with suppress(TypeError, ValueError):  # the call itself reports bad arguments
        for name, value in signature(call).bind(*args, **options).arguments.items():
            if name == "url":  # only the host of a sign-in's address, which contains `state`
                facts["host"] = urlsplit(value).netloc
            facts |= {name: _text(value)} if name in _PARAMETERS else _facts(value)
    return facts


def _facts(value: Any) -> dict[str, str]:
    if not type(value).__module__.startswith("dagctl.domain."):
        return {}  # reading another library's attributes may have side effects
    holders = (value, getattr(value, "endpoint", None))  # credentials contain it
    return {name: _text(getattr(holder, name)) for name in _SHOWN for holder in holders if hasattr(holder, name)}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, (str, int, float, PurePath)) else ""
