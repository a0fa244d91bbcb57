"""Each link between this machine and the state database, in order. Repairs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from attrs import frozen

from dagctl.domain.doctor.chain import Check, Link, Mark, follow, ok, span, warning
from dagctl.domain.doctor.config import look_at_config, pinned_in
from dagctl.domain.doctor.home import look_at_home
from dagctl.domain.errors import DagctlError, ProjectNotFound
from dagctl.domain.generation.service import ConfigGeneration
from dagctl.domain.services.clocks import skew
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.protection import ProtectionService
from dagctl.domain.services.session import SessionService
from dagctl.domain.services.state import StateService
from dagctl.domain.values.context import BUILT_IN, Sourced
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateCredentials
from dagctl.domain.values.targets import PRODUCTION
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import LEEWAY
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.machine import Machine
from dagctl.ports.state_probe import StateProbe

INTOLERABLE = timedelta(minutes=5)
"""Further apart than this, two clocks make tokens look dead or alive that are not."""

RENEWAL = timedelta(days=14)
"""A certificate that has less than this to live should have been renewed."""

FILES, SETTINGS, SIGN_IN, API, CLOCK, TLS = "files", "settings", "sign-in", "API", "clock", "TLS"
PROJECT, PROTECTION, PROXY, PROXY_TLS, LOGIN = "project", "protection", "proxy", "proxy TLS", "login"
SQLMESH = "SQLMesh config"


@frozen
class Doctor:
    """Looks at each link. Nothing is written, but for a session that is due being renewed."""

    surroundings: Machine
    context: ContextService
    session: SessionService
    api: ApiGateway
    projects: ProjectService
    protection: ProtectionService
    state: StateService
    probe: StateProbe
    open_config: Callable[[], ConfigGeneration]

    def checks(self) -> Iterator[Check]:
        """One check a link, as each of them is done."""
        pin = pinned_in(self.open_config().files)
        return follow(
            (
                Link(FILES, self._files),
                Link(SETTINGS, self._settings),
                Link(SIGN_IN, self._sign_in, (SETTINGS,)),
                Link(API, self._api, (SETTINGS,)),
                Link(CLOCK, self._clock, (API,)),
                Link(TLS, self._tls, (API,)),
                Link(PROJECT, lambda: self._project(pin), (SIGN_IN, API)),
                Link(PROTECTION, lambda: self._protection(pin), (PROJECT,)),
                Link(PROXY, self._proxy, (self._before_proxy(),)),
                Link(PROXY_TLS, self._proxy_tls, (PROXY,)),
                Link(LOGIN, lambda: self._login(pin), (PROJECT, PROXY_TLS)),
                Link(SQLMESH, lambda: look_at_config(self.open_config(), self.context), (SETTINGS,)),
            )
        )

    def _before_proxy(self) -> str:
        """The link that has to hold before it is known where the proxy is."""
        if self.context.overrides.given_session:
            return PROJECT  # the platform is asked
        try:
            known = self.context.current().recorded.pg_proxy_host is not None
        except DagctlError:
            return SETTINGS
        return SETTINGS if known else SIGN_IN  # which records it, where the platform tells

    def _files(self) -> Check:
        if self.context.overrides.given_session:
            return Check(Mark.SKIPPED, f"none are used: the session is given by {self.session.tokens.describe()}")
        return look_at_home(self.surroundings)

    def _settings(self) -> Check:
        context, overrides = self.context.current(), self.context.overrides
        pins = {found.source for found in (overrides.organization, overrides.project) if found is not None}
        variables = self.surroundings.variables()
        heeded = [*variables, *sorted(pins - set(variables))]
        sources = {context.api_url.source, *({context.organization.source} if context.organization else ())}
        said = f"{context.api_url.value} ({', '.join(sorted(sources))})"
        return ok(f"{said}; in force: {', '.join(heeded)}" if heeded else said)

    def _sign_in(self) -> Check:
        before, now = self.session.current(), self.session.clock.now()
        tokens, status = self.session.fresh(), self.session.status()
        kept = self.session.tokens.describe()
        life = f"live for {span(tokens.expires_at - now)}" if tokens.expires_at else "do not tell how long they live"
        renewed = " were renewed just now," if tokens.access_token != before.access_token else ""
        seen = f"as {status.identity}; the tokens in {kept}{renewed} {life}"
        if status.identity is None:
            cure = "Run: dagctl auth login --org ORG" if self.session.tokens.writable else "Put an ID token there."
            return Check(Mark.FAILED, f"the ID token in {kept} does not tell who you are", cure)
        if status.renewable and tokens.due(now):
            return warning(f"{seen}, and could not be renewed", "Run: dagctl auth refresh (it says why)")
        if self.session.tokens.writable and not status.renewable:
            return warning(f"{seen}, and cannot be renewed", "Then run: dagctl auth login --org ORG")
        return ok(f"{seen} and renew themselves" if status.renewable else seen)

    def _api(self) -> Check:
        url, clock = self._url(), self.session.clock
        began = clock.monotonic()
        self.api.handshake(url)
        return ok(f"{url} answered in {_ms(clock.monotonic() - began)}")

    def _clock(self) -> Check:
        ahead = self.session.clocks.ahead(self._url())
        if ahead is None:
            return Check(Mark.SKIPPED, "the API does not tell its time")
        if abs(ahead) <= LEEWAY:
            return ok(f"agrees with the API's to within {max(1, round(abs(ahead).total_seconds()))} s")
        state = Mark.FAILED if abs(ahead) > INTOLERABLE else Mark.WARNING
        return Check(state, f"this machine's clock is {skew(ahead)} the API's", _SET_THE_CLOCK)

    def _tls(self) -> Check:
        shown = self.api.handshake(self._url())
        if shown is None:
            return ok("none: plain http, which never leaves this machine")
        if shown.trusted_by is None:
            return warning(f"{_version(shown)}, and the API's certificate is not verified (-k)", _NO_K)
        return self._certified(shown, "")

    def _project(self, pin: str | None) -> Check:
        context = self.projects.identified(self.context.current(pin))
        name = context.project.value if context.project else ""
        owner = printable(context.organization.value) if context.organization else "your organization"
        found = next((project for project in self.projects.list() if project.id == context.project_id), None)
        if found is None:
            raise ProjectNotFound(f"{owner} has no project {name!r} ({context.project_id}) any more.", hint=_CHOOSE)
        if found.name != name:
            return warning(f"{name!r} is called {found.name!r} now", f"Run: dagctl use-project {found.id}")
        source = context.project.source if context.project else BUILT_IN
        return ok(f"{printable(name)} ({found.id}) of {owner}, from {source}")

    def _protection(self, pin: str | None) -> Check:
        verdict = self.protection.ask(PRODUCTION, project=pin)
        if verdict.allowed:
            return ok(f"the API answers: {PRODUCTION} is open to you")
        words = printable(verdict.message or "").rstrip(".")
        return ok(f"the API answers: {PRODUCTION} is protected from you{f' ({words})' if words else ''}")

    def _proxy(self) -> Check:
        place, clock = self._place(), self.session.clock
        began = clock.monotonic()
        self.probe.reach(place.value)
        took = _ms(clock.monotonic() - began)
        return ok(f"{place.value.host}:{place.value.port}, from {place.source}, took a connection in {took}")

    def _proxy_tls(self) -> Check:
        credentials = self._trusting(self._place().value)
        shown, mode = self.probe.secure(credentials), credentials.sslmode
        if shown is None:
            return warning(f"none, with sslmode {mode}: your token would travel in the clear", _STRICTER)
        if shown.trusted_by is not None:
            return self._certified(shown, f", sslmode {mode}")
        seen = f"{_version(shown)}, sslmode {mode}: encrypted, but the proxy is not verified"
        if mode != "require":
            return warning(f"{seen}, and TLS is not insisted on", _STRICTER)
        return ok(f"{seen} (DAGCTL_STATE_SSLMODE=verify-full does)")

    def _login(self, pin: str | None) -> Check:
        credentials = self._trusting(self.state.credentials(pin, keep=False))
        self.probe.enter(credentials)
        return ok(f"{credentials.user} was let into {credentials.database}, which answers")

    def _url(self) -> str:
        return self.context.current().platform.api_url

    def _place(self) -> Sourced[StateCredentials]:
        """The proxy and how to speak to it, without who enters."""
        context = self.context.current()
        if context.proxy is None:
            context = self.state.located()
        if context.proxy is None:
            raise DagctlError("The state database was not located.")  # pragma: no cover - located() does
        proxy, sslmode = context.proxy, context.sslmode.value
        return Sourced(StateCredentials(proxy.value.host, proxy.value.port, "", "", "", sslmode), proxy.source)

    def _trusting(self, credentials: StateCredentials) -> StateCredentials:
        return self.probe.trusting(credentials, chosen=self.context.current().sslmode_stays)

    def _certified(self, shown: Handshake, mode: str) -> Check:
        seen = f"{_version(shown)}{mode}, certificate of {shown.issuer}, verified with {shown.trusted_by}"
        left = None if shown.expires_at is None else shown.expires_at - self.session.clock.now()
        if left is not None and left < RENEWAL:
            return warning(f"{seen}, expires in {span(left)}", "Tell whoever runs the server: it has to be renewed.")
        return ok(seen)


def broken(error: DagctlError) -> tuple[Check, ...]:
    """The checkup of a machine whose settings are such that nothing can be looked at."""
    first = Check(Mark.FAILED, error.message, error.hint, SETTINGS, error)
    names = (SIGN_IN, API, CLOCK, TLS, PROJECT, PROTECTION, PROXY, PROXY_TLS, LOGIN, SQLMESH)
    return (first, *(Check(Mark.SKIPPED, f"needs {SETTINGS}", link=name) for name in names))


def _version(shown: Handshake) -> str:
    return shown.version.replace("TLSv", "TLS ")


def _ms(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))} ms"


_SET_THE_CLOCK = "Switch time synchronisation (NTP) on; in WSL: wsl --shutdown, or sudo hwclock -s"
_NO_K = "Leave -k away; SSL_CERT_FILE=CA.pem trusts a private CA."
_CHOOSE = "Run: dagctl use-project PROJECT (dagctl projects lists them)"
_STRICTER = "Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode, or set verify-full."
