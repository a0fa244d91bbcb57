"""Which organization, project and platform a command works on, and which of several places says so."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import evolve, field, frozen

from dagctl.domain.errors import DagctlError, ProjectConflict
from dagctl.domain.platform import (
    HOSTED_API_URL,
    HOSTED_CLIENT_ID,
    HOSTED_ISSUER_HOST,
    Platform,
    StateProxy,
    canonical_api_url,
    default_state_proxy,
)
from dagctl.domain.settings import Settings
from dagctl.domain.state_credentials import checked_sslmode
from dagctl.ports.context_store import ContextStore

T = TypeVar("T")

BUILT_IN = "built in"


@frozen
class Sourced(Generic[T]):
    """A value, and for people, where it came from."""

    value: T
    source: str


@frozen
class Overrides:
    """What the surroundings say, stronger than the recorded settings; None where they say nothing.

    Attributes:
        organization: name or ID.
        project: name or ID.
        given_session: the tokens come from the surroundings too, so that no recorded setting applies.
    """

    organization: Sourced[str] | None = None
    project: Sourced[str] | None = None
    api_url: Sourced[str] | None = None
    sslmode: Sourced[str] | None = None
    given_session: bool = False

    @property
    def choose_context(self) -> bool:
        """Whether another of the contexts that are kept may be meant than the current one."""
        return not self.given_session and (self.organization is not None or self.api_url is not None)


@frozen
class Context:
    """The resolved context.

    Attributes:
        organization: the name as people know it (its ID where no name is known); None when signed out.
        organization_id: None where only a name is known.
        project: name, or ID where it was given so; None where none is chosen.
        project_id: None where it has to be looked up.
        owner: the organization that the project was pinned with; None where it was pinned without, or not at all.
        proxy: where state databases are reached; None where the platform has to be asked.
        sslmode: libpq's sslmode for it.
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
    owner: str | None = None

    @property
    def pin(self) -> str | None:
        """`ORGANIZATION/PROJECT`, by which a configuration says what it belongs to; None where one is not known."""
        names = (self.organization.value if self.organization else None, self.organization_id)
        organization = next((name for name in names if name and "/" not in name), None)
        return f"{organization}/{self.project.value}" if organization and self.project else None

    @property
    def sslmode_stays(self) -> bool:
        """Whether nobody makes it stricter: it was asked for, or the platform is not a sandbox on this machine."""
        return self.sslmode.source != BUILT_IN or not self.platform.local

    def require_owner(self) -> None:
        """Return if the pinned project is the organization's own, as far as the organization is known.

        Raises:
            ProjectConflict: it was pinned with another organization.
        """
        known = {self.organization_id, self.organization.value if self.organization else None} - {None}
        names = {name.casefold() for name in known if name is not None}
        if self.owner is None or not names or self.owner.casefold() in names or self.project is None:
            return
        here = self.organization.value if self.organization else self.organization_id
        raise ProjectConflict(
            f"This SQLMesh project is {self.project.value!r} of {self.owner!r}, but you are signed in to {here!r}.",
            hint=f"Run: dagctl context use {self.owner} (or dagctl auth login --org {self.owner}), or set "
            f"DAGCTL_ORG={self.owner} for this folder only.",
        )


class ContextService:
    """Resolves the context: what a call pins, then the surroundings, then what is recorded."""

    def __init__(self, store: ContextStore, overrides: Overrides | None = None) -> None:
        self.store = store
        self.overrides = overrides or Overrides()

    def current(self, pinned: str | None = None) -> Context:
        """The context to work in.

        Args:
            pinned: the project that the caller insists on: its name, its ID, or `ORGANIZATION/NAME`. Models
                must never meet another project's state, so an environment variable that contradicts it is refused.

        Raises:
            ProjectConflict: the environment names another project than `pinned`, or `pinned` is another
                organization's.
            DagctlError: a setting is unusable, or names another API than the one signed in at.
        """
        settings = Settings() if self.overrides.given_session else self.store.load()
        api_url = self._api_url(settings)
        owner, pinned = _parted(settings, pinned)
        project = self._project(settings, pinned)
        context = Context(
            organization=self._organization(settings),
            organization_id=self._organization_id(settings),
            project=project,
            project_id=_project_id(settings, project),
            api_url=api_url,
            platform=recorded_platform(api_url.value, settings),
            proxy=self._proxy(settings, api_url.value),
            sslmode=self._sslmode(settings),
            recorded=settings,
            owner=owner,
        )
        context.require_owner()
        return context

    def _api_url(self, settings: Settings) -> Sourced[str]:
        override = self.overrides.api_url
        recorded = canonical_api_url(settings.api_url) if settings.api_url else None
        if override is None:
            return Sourced(recorded, self.store.describe()) if recorded else Sourced(HOSTED_API_URL, BUILT_IN)
        url = canonical_api_url(override.value)
        if settings.current_org and url != (recorded or HOSTED_API_URL):
            raise DagctlError(
                f"{override.source} names {url}, but you are signed in at {recorded or HOSTED_API_URL}, "
                "and its tokens are for no other API.",
                hint=f"Unset it, or run: dagctl auth login --org ORG --api-url {url}",
            )
        return Sourced(url, override.source)

    def _organization(self, settings: Settings) -> Sourced[str] | None:
        recorded = settings.current_org_name or settings.current_org
        override = self.overrides.organization
        if override is None:
            return Sourced(recorded, self.store.describe()) if recorded else None
        known = [name.casefold() for name in (settings.current_org, settings.current_org_name) if name]
        if not known:
            return override
        if override.value.casefold() not in known:
            raise DagctlError(
                f"{override.source} names the organization {override.value!r}, but you are signed in to {recorded!r}.",
                hint=f"Unset it, or run: dagctl auth login --org {override.value}",
            )
        return Sourced(recorded or override.value, override.source)

    def _organization_id(self, settings: Settings) -> str | None:
        return settings.current_org

    def _project(self, settings: Settings, pinned: str | None) -> Sourced[str] | None:
        override = self.overrides.project
        if pinned is not None:
            from_environment = override is not None and override.source.startswith("DAGCTL_")
            if from_environment and override is not None and not _same_project(settings, pinned, override):
                raise ProjectConflict(
                    f"This SQLMesh project is {pinned!r}, but {override.source} is {override.value!r}.",
                    hint=f"Unset {override.source}: models must not meet another project's state.",
                )
            return Sourced(pinned, "the SQLMesh config")
        if override is not None:
            return override
        if settings.current_project:
            return Sourced(settings.current_project, self.store.describe())
        return None

    def _proxy(self, settings: Settings, api_url: str) -> Sourced[StateProxy] | None:
        if settings.pg_proxy_host:
            proxy = StateProxy(settings.pg_proxy_host, settings.pg_proxy_port or 5432)
            return Sourced(proxy, self.store.describe())
        if self.overrides.given_session:
            return None
        return Sourced(default_state_proxy(api_url), "derived from the API URL")

    def _sslmode(self, settings: Settings) -> Sourced[str]:
        if self.overrides.sslmode is not None:
            found = self.overrides.sslmode
        elif settings.pg_proxy_sslmode:
            found = Sourced(settings.pg_proxy_sslmode, self.store.describe())
        else:
            found = Sourced("require", BUILT_IN)
        return evolve(found, value=checked_sslmode(found.value, found.source))


def recorded_api_url(settings: Settings) -> str:
    """The API, in canonical form, that the recorded settings are for; the hosted one where they name none."""
    return canonical_api_url(settings.api_url or HOSTED_API_URL)


def recorded_platform(api_url: str, settings: Settings) -> Platform:
    """The platform at `api_url`, as far as the recorded settings know it.

    The hosted platform is built in: what a sign-in at another one has left behind does not apply to it.
    """
    at_home = canonical_api_url(settings.api_url or api_url) == api_url
    if api_url == HOSTED_API_URL and not at_home:
        return Platform()
    return Platform(
        api_url,
        settings.auth0_domain or HOSTED_ISSUER_HOST,
        settings.auth0_client_id or HOSTED_CLIENT_ID,
    )


def _parted(settings: Settings, pinned: str | None) -> tuple[str | None, str | None]:
    """The organization and the project of a pin; a project whose own name has a slash is known by its record."""
    if pinned is None or "/" not in pinned or pinned in (settings.current_project, settings.current_project_id):
        return None, pinned
    owner, _, project = pinned.partition("/")
    return owner, project


def _project_id(settings: Settings, project: Sourced[str] | None) -> str | None:
    if project is None or settings.current_project_id is None:
        return None
    current = (settings.current_project, settings.current_project_id)
    return settings.current_project_id if project.value in current else None


def _same_project(settings: Settings, pinned: str, other: Sourced[str]) -> bool:
    """Whether both name one project; a recorded project is known by its name and by its ID."""
    current = {settings.current_project, settings.current_project_id} - {None}
    return pinned == other.value or {pinned, other.value} <= current
