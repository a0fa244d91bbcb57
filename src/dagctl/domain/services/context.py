"""Reading the context: what a call pins, then the surroundings, then what is recorded."""

from __future__ import annotations

from attrs import frozen

from dagctl.domain.errors import ProjectConflict
from dagctl.domain.services.kept import Kept, meant
from dagctl.domain.values.context import Context, Overrides, recorded_api_url, resolved
from dagctl.domain.values.platform import canonical_api_url
from dagctl.domain.values.settings import Settings
from dagctl.ports.clock import Clock
from dagctl.ports.storage import Storage


@frozen
class World:
    """What a verb works on, read once and handed down: the context, and what is kept of its account."""

    context: Context
    kept: Kept


@frozen
class ContextService:
    """Reads the world."""

    storage: Storage
    overrides: Overrides
    clock: Clock

    def current(self, pinned: str | None = None) -> Context:
        """The context to work in.

        Args:
            pinned: the project that the caller insists on: its name, its ID, or `ORGANIZATION/NAME`. Models
                must never meet another project's state, so an environment variable that contradicts it is refused.

        Raises:
            ProjectConflict: the environment names another project than `pinned`, or `pinned` is another
                organization's.
            SettingUnusable: a setting is unusable, or names another API than the one signed in at.
            FileProblem: what is recorded cannot be read.
        """
        return self.read(pinned).context

    def read(self, pinned: str | None = None) -> World:
        """The context, and the account that it was read from. Raises as `current` does."""
        kept = self.meant()
        settings = Settings() if self.overrides.given_session else kept.settings
        return World(resolved(settings, kept.stores.settings.describe(), self.overrides, pinned), kept)

    def read_again(self, before: Context) -> World:
        """The account of a context that was resolved earlier, whichever is the current one by now.

        Raises:
            ProjectConflict: that organization is signed in here no more.
            FileProblem: what is recorded cannot be read.
        """
        if self.overrides.given_session:
            return World(before, Kept(self.storage.current))
        url = before.platform.api_url
        kept = meant(self.storage, self.clock.now(), before.organization_id, url)
        now = kept.settings
        moved = None not in (now.current_org, before.organization_id) and now.current_org != before.organization_id
        if moved or recorded_api_url(now) != url:
            name = now.organization.name if now.organization else "an organization"
            raise ProjectConflict(
                f"{before.owner} on {url} is where this process keeps its state, but you have signed in to "
                f"{name} on {recorded_api_url(now)} since it began.",
                project=before.project.value if before.project else None,
                organization=before.owner,
                meanwhile=True,
            )
        return World(before, kept)

    def meant(self) -> Kept:
        """What is kept of the account that the surroundings ask for; the current one where they do not ask."""
        if not self.overrides.choose_account:
            return Kept(self.storage.current)
        organization, api_url = self.overrides.organization, self.overrides.api_url
        return meant(
            self.storage,
            self.clock.now(),
            organization.value if organization else None,
            canonical_api_url(api_url.value) if api_url else None,
        )
