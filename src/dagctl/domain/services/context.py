"""Resolving the context: what a call pins, then the surroundings, then what is recorded."""

from __future__ import annotations

from attrs import evolve

from dagctl.domain.errors import DagctlError, ProjectConflict
from dagctl.domain.values.context import BUILT_IN, Context, Overrides, Sourced, recorded_platform
from dagctl.domain.values.platform import HOSTED_API_URL, StateProxy, canonical_api_url, default_state_proxy
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import checked_sslmode
from dagctl.ports.settings_store import SettingsStore


class ContextService:
    """Resolves the context: what a call pins, then the surroundings, then what is recorded."""

    def __init__(self, store: SettingsStore, overrides: Overrides | None = None) -> None:
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
