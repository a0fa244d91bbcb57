"""Which organization, project and platform a command works on, and where each of them comes from."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

from attrs import evolve, field, frozen

from dagctl.domain.errors import ProjectConflict, SettingUnusable
from dagctl.domain.values.platform import (
    HOSTED_API_URL,
    HOSTED_CLIENT_ID,
    HOSTED_ISSUER_HOST,
    LOOPBACK_HOSTS,
    Organization,
    Platform,
    StateProxy,
    canonical_api_url,
    default_state_proxy,
)
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import DEFAULT_SSLMODE, checked_sslmode

T = TypeVar("T")


class Origin(Enum):
    """Where a value can come from, strongest first."""

    CONFIG = "the SQLMesh config"
    CALLER = "the caller"
    VARIABLE = "an environment variable"
    PIN_FILE = "a .dagctl.yaml"
    RECORDED = "the recorded settings"
    PLATFORM = "the platform"
    DERIVED = "derived from the API URL"
    BUILT_IN = "built in"


@frozen
class Sourced(Generic[T]):
    """A value and where it came from.

    Attributes:
        name: the variable, or the file's path; None if the origin says it all.
    """

    value: T
    origin: Origin
    name: str | None = None

    @property
    def source(self) -> str:
        """Where it came from, for people."""
        return self.name or self.origin.value

    @property
    def subject(self) -> str:
        """The same, at the beginning of a sentence."""
        return self.name or self.origin.value[0].upper() + self.origin.value[1:]


@frozen
class Overrides:
    """What variables and `.dagctl.yaml` set, which outranks the recorded settings; None for what they do not set.

    Attributes:
        organization: name or ID.
        project: name or ID.
        given_session: the tokens come from variables too, so no recorded setting applies.
    """

    organization: Sourced[str] | None = None
    project: Sourced[str] | None = None
    api_url: Sourced[str] | None = None
    sslmode: Sourced[str] | None = None
    given_session: bool = False

    @property
    def choose_account(self) -> bool:
        """Whether they may select another account than the current one."""
        return not self.given_session and (self.organization is not None or self.api_url is not None)


@frozen
class Pin:
    """The organization and project that a configuration belongs to.

    Attributes:
        project: its name or ID.
        organization: name or ID; None if the configuration does not say.
    """

    project: str
    organization: str | None = None

    @classmethod
    def parsed(cls, text: str, settings: Settings) -> Pin:
        """A pin in the form that configurations use: `PROJECT`, or `ORGANIZATION/PROJECT`.

        Args:
            settings: if they record `text` as a project, the slash belongs to the project's own name.
        """
        if "/" not in text or text in (settings.current_project, settings.current_project_id):
            return cls(text)
        organization, _, project = text.partition("/")
        return cls(project, organization)

    def __str__(self) -> str:
        return f"{self.organization}/{self.project}" if self.organization else self.project


@frozen
class Context:
    """The organization, project and platform that a command works on.

    Attributes:
        organization: its name (or its ID if the name is unknown); None if nobody is signed in.
        organization_id: None if only the name is known.
        project: its name, or its ID if the user gave that; None if no project is chosen.
        project_id: None if dagctl has yet to look it up.
        proxy: the state databases' proxy; None if dagctl has yet to ask the platform.
        sslmode: libpq's sslmode for the proxy.
        recorded: the settings behind this context.
        pinned: the project that the caller insists on.
    """

    organization: Sourced[str] | None
    organization_id: str | None
    project: Sourced[str] | None
    project_id: str | None
    api_url: Sourced[str]
    platform: Platform
    proxy: Sourced[StateProxy] | None
    sslmode: Sourced[str]
    recorded: Settings = field(factory=Settings, repr=False)
    pinned: Pin | None = None

    @property
    def owner(self) -> str:
        """The organization, for people."""
        return self.organization.value if self.organization else self.organization_id or "your organization"

    @property
    def pin(self) -> Pin | None:
        """The pin that ties a configuration to this context; None if the project or the organization is unknown."""
        names = (self.organization.value if self.organization else None, self.organization_id)
        organization = next((name for name in names if name and "/" not in name), None)
        return Pin(self.project.value, organization) if organization and self.project else None

    @property
    def sslmode_stays(self) -> bool:
        """Whether dagctl must not make it stricter: somebody chose it, or a tunnel to the proxy starts here."""
        here = self.proxy is not None and self.proxy.value.host in LOOPBACK_HOSTS
        return self.sslmode.origin is not Origin.BUILT_IN or (here and not self.platform.local)

    def require_owner(self) -> None:
        """Return if the pin names this organization, or if either is unknown.

        Raises:
            ProjectConflict: the pin names another organization.
        """
        owner = self.pinned.organization if self.pinned else None
        known = self.organization_id or (self.organization.value if self.organization else None)
        if owner is None or known is None or self.project is None:
            return
        if not Organization(known, self.owner).is_called(owner):
            raise ProjectConflict(
                f"This SQLMesh project is {self.project.value!r} of {owner!r}, "
                f"but you are signed in to {self.owner!r}.",
                project=self.project.value,
                organization=owner,
            )


def resolved(settings: Settings, kept_in: str, overrides: Overrides, pinned: str | None = None) -> Context:
    """The context that follows from the settings in `kept_in` and from `overrides`; see `ContextService.current`."""
    pin = Pin.parsed(pinned, settings) if pinned is not None else None
    api_url = _api_url(settings, kept_in, overrides.api_url)
    project = _project(settings, kept_in, overrides.project, pin)
    context = Context(
        organization=_organization(settings, kept_in, overrides.organization),
        organization_id=settings.current_org,
        project=project,
        project_id=settings.current_project_id if project and settings.is_current(project.value) else None,
        api_url=api_url,
        platform=recorded_platform(api_url.value, settings),
        proxy=None if overrides.given_session else _proxy(settings, kept_in, api_url.value),  # the platform will say
        sslmode=_sslmode(settings, kept_in, overrides.sslmode),
        recorded=settings,
        pinned=pin,
    )
    context.require_owner()
    return context


def _api_url(settings: Settings, kept_in: str, override: Sourced[str] | None) -> Sourced[str]:
    recorded = canonical_api_url(settings.api_url) if settings.api_url else None
    if override is None:
        if recorded is None:
            return Sourced(HOSTED_API_URL, Origin.BUILT_IN)
        return Sourced(recorded, Origin.RECORDED, kept_in)
    url = canonical_api_url(override.value)
    if settings.current_org and url != (recorded or HOSTED_API_URL):
        raise SettingUnusable(
            f"{override.source} names {url}, but you are signed in at {recorded or HOSTED_API_URL}, "
            "and its tokens work for no other API.",
            source=override.name,
            api_url=url,
        )
    return evolve(override, value=url)


def _organization(settings: Settings, kept_in: str, override: Sourced[str] | None) -> Sourced[str] | None:
    recorded = settings.organization
    if recorded is None:
        return override
    if override is None:
        return Sourced(recorded.name, Origin.RECORDED, kept_in)
    if not recorded.is_called(override.value):
        raise SettingUnusable(
            f"{override.subject} names the organization {override.value!r}, "
            f"but you are signed in to {recorded.name!r}.",
            source=override.name,
            organization=override.value,
            api_url=recorded_api_url(settings),
        )
    return evolve(override, value=recorded.name)


def _project(settings: Settings, kept_in: str, override: Sourced[str] | None, pin: Pin | None) -> Sourced[str] | None:
    if pin is not None:
        # a variable is somebody's intention, so it must not just lose, as a folder's `.dagctl.yaml` does
        if override is not None and override.origin is Origin.VARIABLE and not _same(settings, pin, override.value):
            raise ProjectConflict(
                f"This SQLMesh project is {pin.project!r}, but {override.source} is {override.value!r}.",
                project=pin.project,
                source=override.source,
            )
        return Sourced(pin.project, Origin.CONFIG)
    if override is None and settings.current_project:
        return Sourced(settings.current_project, Origin.RECORDED, kept_in)
    return override


def _same(settings: Settings, pin: Pin, other: str) -> bool:
    """Whether both name one project. The settings know the recorded project by name and by ID."""
    return pin.project == other or (settings.is_current(pin.project) and settings.is_current(other))


def _proxy(settings: Settings, kept_in: str, api_url: str) -> Sourced[StateProxy]:
    if not settings.pg_proxy_host:
        return Sourced(default_state_proxy(api_url), Origin.DERIVED)
    proxy = StateProxy(settings.pg_proxy_host, settings.pg_proxy_port or 5432)
    if not proxy.usable:
        address = f"{proxy.host}:{proxy.port}"
        raise SettingUnusable(
            f"{kept_in} sets pg_proxy_host and pg_proxy_port to {address!r}, which is not a host and port.",
            source=kept_in,
        )
    return Sourced(proxy, Origin.RECORDED, kept_in)


def _sslmode(settings: Settings, kept_in: str, override: Sourced[str] | None) -> Sourced[str]:
    if override is None and settings.pg_proxy_sslmode:
        override = Sourced(settings.pg_proxy_sslmode, Origin.RECORDED, kept_in)
    if override is None:
        return Sourced(DEFAULT_SSLMODE, Origin.BUILT_IN)
    return evolve(override, value=checked_sslmode(override.value, override.source))


def recorded_api_url(settings: Settings) -> str:
    """The API of the recorded settings, in canonical form; the hosted one if they name none."""
    return canonical_api_url(settings.api_url or HOSTED_API_URL)


def recorded_platform(api_url: str, settings: Settings) -> Platform:
    """The platform at `api_url`, according to the recorded settings.

    The hosted platform is built in: settings from a sign-in to another platform do not apply to it.
    """
    at_home = canonical_api_url(settings.api_url or api_url) == api_url
    if api_url == HOSTED_API_URL and not at_home:
        return Platform()
    return Platform(
        api_url,
        settings.auth0_domain or HOSTED_ISSUER_HOST,
        settings.auth0_client_id or HOSTED_CLIENT_ID,
    )
