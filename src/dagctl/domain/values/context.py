"""Which organization, project and platform a command works on, and which of several places says so."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import field, frozen

from dagctl.domain.errors import ProjectConflict
from dagctl.domain.values.platform import (
    HOSTED_API_URL,
    HOSTED_CLIENT_ID,
    HOSTED_ISSUER_HOST,
    Platform,
    StateProxy,
    canonical_api_url,
)
from dagctl.domain.values.settings import Settings

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
