"""Checks each link between this machine and the state database, in order. Repairs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property

from attrs import evolve, frozen

from dagctl.domain.doctor.chain import Advice, Check, Finding, Link, Mark, failure, follow, ok, warning, wrong
from dagctl.domain.doctor.config import configurations, look_at_config, pinned_in
from dagctl.domain.doctor.home import look_at_home
from dagctl.domain.errors import DagctlError, ProjectNotFound
from dagctl.domain.generation.service import ConfigGeneration
from dagctl.domain.services.clocks import skew
from dagctl.domain.services.context import World
from dagctl.domain.services.session import Session
from dagctl.domain.services.state import StateService
from dagctl.domain.values.account import status_of
from dagctl.domain.values.context import Origin, Sourced
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateEndpoint
from dagctl.domain.values.targets import PRODUCTION
from dagctl.domain.values.text import printable, span
from dagctl.domain.values.tokens import LEEWAY
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.machine import Machine
from dagctl.ports.state_probe import StateProbe

INTOLERABLE = timedelta(minutes=5)
"""If two clocks are further apart than this, valid tokens look expired, or expired ones valid."""

RENEWAL = timedelta(days=14)
"""The server's operator should renew a certificate before it has less than this to live."""

FILES, SETTINGS, SIGN_IN, API, CLOCK, TLS = "files", "settings", "sign-in", "API", "clock", "TLS"
PROJECT, PROTECTION, PROXY, PROXY_TLS, LOGIN = "project", "protection", "proxy", "proxy TLS", "login"
SQLMESH = "SQLMesh config"


@frozen
class Doctor:
    """Checks each link. Writes nothing, except that it renews a session that is due."""

    machine: Machine
    api: ApiGateway
    state: StateService
    probe: StateProbe
    open_config: Callable[[], ConfigGeneration]

    def checks(self) -> Iterator[Check]:
        """One check per link, as soon as it is done."""
        return _Visit(self, pinned_in(self.open_config().files)).checks()


class _Visit:
    """One pass over the links; `pin` is the project that the configuration here pins."""

    def __init__(self, doctor: Doctor, pin: str | None) -> None:
        self._doctor = doctor
        self._pin = pin
        self._sessions = doctor.state.sessions
        self._contexts, self._clocks = self._sessions.contexts, self._sessions.clocks
        self._given = self._contexts.overrides.given_session

    def checks(self) -> Iterator[Check]:
        return follow(
            (
                Link(FILES, self._files),
                Link(SETTINGS, self._settings),
                Link(SIGN_IN, self._sign_in, (SETTINGS,)),
                Link(API, self._api, (SETTINGS,)),
                Link(CLOCK, self._clock, (API,)),
                Link(TLS, self._tls, (API,)),
                Link(PROJECT, self._project, (SIGN_IN, API)),
                Link(PROTECTION, self._protection, (PROJECT,)),
                Link(PROXY, self._proxy, (self._before_proxy(),)),
                Link(PROXY_TLS, self._proxy_tls, (PROXY,)),
                Link(LOGIN, self._login, (PROJECT, PROXY_TLS)),
                Link(SQLMESH, lambda: look_at_config(self._doctor.open_config(), self._contexts), (SETTINGS,)),
            )
        )

    @cached_property
    def _world(self) -> World:
        return self._contexts.read()

    @cached_property
    def _session(self) -> Session:
        return self._sessions.open_in(self._world)

    @cached_property
    def _identified(self) -> Session:
        """The session of the project that is pinned here."""
        session = self._session if self._pin is None else self._sessions.open(self._pin)
        return self._doctor.state.located(session)

    def _before_proxy(self) -> str:
        """The link that must hold before dagctl knows where the proxy is."""
        if self._given:
            return PROJECT  # dagctl asks the platform
        try:
            known = self._world.context.recorded.pg_proxy_host is not None
        except DagctlError:
            return SETTINGS
        return SETTINGS if known else SIGN_IN  # which records the proxy that the platform names

    def _files(self) -> Check:
        if self._given:
            given_by = self._contexts.storage.current.tokens.describe()
            return Check(Mark.SKIPPED, f"not used: the session comes from {given_by}")
        return look_at_home(self._doctor.machine)

    def _settings(self) -> Check:
        context, overrides = self._world.context, self._contexts.overrides
        pins = {found.source for found in (overrides.organization, overrides.project) if found is not None}
        variables = self._doctor.machine.variables()
        names = [variable.name for variable in variables if variable.file is None]
        heeded = [*names, *sorted(pins - set(names))]
        sources = {found.source for found in (context.api_url, context.organization) if found is not None}
        said = f"{context.api_url.value} ({', '.join(sorted(sources))})"
        if heeded:
            said += f"; in force: {', '.join(heeded)}"
        dotenv = [variable for variable in variables if variable.file]
        if dotenv and configurations(self._doctor.open_config().files):
            said += f"; in SQLMesh alone, from {dotenv[0].file}: {', '.join(found.name for found in dotenv)}"
        return ok(said)

    def _sign_in(self) -> Check:
        store, now = self._world.kept.stores.tokens, self._clocks.now()
        tokens, kept = self._session.tokens, store.describe()
        status = status_of(tokens, store.writable, now)
        life = f"live for {span(tokens.expires_at - now)}" if tokens.expires_at else "do not say how long they live"
        before = self._world.kept.tokens
        renewed = " were renewed just now," if before and tokens.access_token != before.access_token else ""
        if status.identity is None:
            finding = Finding.ANONYMOUS if store.writable else Finding.ANONYMOUS_GIVEN
            return wrong(f"the ID token in {kept} does not say who you are", self._to_sign_in(finding))
        seen = f"as {status.identity.shown}; the tokens in {kept}{renewed} {life}"
        if status.renewable and tokens.due(now):
            return warning(f"{seen}, and could not be renewed", Advice(Finding.NOT_RENEWED))
        if store.writable and not status.renewable:
            return warning(f"{seen}, and cannot be renewed", self._to_sign_in(Finding.NOT_RENEWABLE))
        return ok(f"{seen} and renew themselves" if status.renewable else seen)

    def _to_sign_in(self, finding: Finding) -> Advice:
        organization = self._world.context.organization
        return Advice(finding, organization=organization.value if organization else None, api_url=self._url())

    def _api(self) -> Check:
        url, clock = self._url(), self._clocks.clock
        began = clock.monotonic()
        self._doctor.api.tls_of(url)
        return ok(f"{url} answered in {_ms(clock.monotonic() - began)}")

    def _clock(self) -> Check:
        ahead = self._clocks.ahead(self._url())
        if ahead is None:
            return Check(Mark.SKIPPED, "the API does not say what time it is")
        if abs(ahead) <= LEEWAY:
            return ok(f"agrees with the API's to within {max(1, round(abs(ahead).total_seconds()))} s")
        state = Mark.FAILED if abs(ahead) > INTOLERABLE else Mark.WARNING
        return Check(state, f"this machine's clock is {skew(ahead)} the API's", (Advice(Finding.CLOCK_WRONG),))

    def _tls(self) -> Check:
        shown = self._doctor.api.tls_of(self._url())
        if shown is None:
            return ok("none: plain http, on this machine only")
        if shown.trusted_by is None:
            seen = f"{_version(shown)}, but the API's certificate is not verified"
            return warning(seen, Advice(Finding.API_UNVERIFIED))
        return self._certified(shown, "")

    def _project(self) -> Check:
        context, projects = self._identified.context, self._doctor.state.projects
        name = context.project.value if context.project else ""
        found = next((known for known in projects.list_in(self._identified) if known.id == context.project_id), None)
        owner = printable(context.owner)
        if found is None:
            raise ProjectNotFound(
                f"{owner} no longer has the project {name!r} ({context.project_id}).", project=name, organization=owner
            )
        if found.name != name:
            return warning(f"{name!r} is now called {found.name!r}", Advice(Finding.RENAMED, project=found.id))
        source = context.project.source if context.project else Origin.BUILT_IN.value
        return ok(f"{printable(name)} ({found.id}) of {owner}, from {source}")

    def _protection(self) -> Check:
        verdict = self._doctor.state.protection.ask_in(PRODUCTION, self._identified)
        if verdict.allowed:
            return ok(f"the API answers: {PRODUCTION} is open to you")
        words = printable(verdict.message or "").rstrip(".")
        return ok(f"the API answers: {PRODUCTION} is protected from you{f' ({words})' if words else ''}")

    def _proxy(self) -> Check:
        endpoint, clock = self._endpoint(), self._clocks.clock
        began = clock.monotonic()
        self._doctor.probe.reach(endpoint.value)
        took = _ms(clock.monotonic() - began)
        return ok(f"{endpoint.value.hostspec}, from {endpoint.source}, accepted a connection in {took}")

    def _proxy_tls(self) -> Check:
        endpoint = self._doctor.state.trust.tried(self._endpoint().value)
        shown, mode, lax = self._doctor.probe.secure(endpoint), endpoint.sslmode, Advice(Finding.TLS_OPTIONAL)
        if shown is None:
            return warning(f"none, with sslmode {mode}: your token would travel in the clear", lax)
        if shown.trusted_by is not None:
            return self._certified(shown, f", sslmode {mode}")
        seen = f"{_version(shown)}, sslmode {mode}: encrypted, but the proxy is not verified"
        if mode != "require":
            return warning(f"{seen}, and TLS is optional", lax)
        return ok(seen, Advice(Finding.PROXY_UNVERIFIED))

    def _login(self) -> Check:
        credentials = self._doctor.state.credentials_in(self._identified, keep=False)
        self._doctor.probe.enter(credentials)
        endpoint = credentials.endpoint
        return ok(f"{endpoint.user} logged in to {endpoint.database}, which answers")

    def _url(self) -> str:
        return self._world.context.platform.api_url

    def _endpoint(self) -> Sourced[StateEndpoint]:
        """The proxy and how to connect to it, without a login."""
        context = self._world.context
        if context.proxy is None:
            context = self._identified.context
        endpoint = self._doctor.state.endpoint(context)
        if endpoint is None or context.proxy is None:
            raise DagctlError("The state database was not located.")  # pragma: no cover - located() does
        return Sourced(endpoint, context.proxy.origin, context.proxy.name)

    def _certified(self, shown: Handshake, mode: str) -> Check:
        seen = f"{_version(shown)}{mode}, certificate issued by {shown.issuer}, verified with {shown.trusted_by}"
        left = None if shown.expires_at is None else shown.expires_at - self._clocks.now()
        if left is not None and left < RENEWAL:
            return warning(f"{seen}, expires in {span(left)}", Advice(Finding.EXPIRING))
        return ok(seen)


def broken(error: DagctlError) -> tuple[Check, ...]:
    """The checkup of a machine whose settings are so broken that dagctl can check nothing else."""
    first = evolve(failure(error), link=SETTINGS)
    names = (SIGN_IN, API, CLOCK, TLS, PROJECT, PROTECTION, PROXY, PROXY_TLS, LOGIN, SQLMESH)
    return (first, *(Check(Mark.SKIPPED, f"needs {SETTINGS}", link=name) for name in names))


def _version(shown: Handshake) -> str:
    return shown.version.replace("TLSv", "TLS ")


def _ms(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))} ms"
