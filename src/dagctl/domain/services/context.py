"""Reads the context: the call's pin first, then variables and `.dagctl.yaml`, then the recorded settings."""

from __future__ import annotations

from attrs import frozen

from dagctl.domain.errors import ProjectConflict
from dagctl.domain.services.kept import Kept, meant
from dagctl.domain.values.context import Context, Overrides, recorded_api_url, resolved
from dagctl.domain.values.platform import canonical_api_url
from dagctl.domain.values.settings import Settings
from dagctl.ports.clock import Clock
from dagctl.ports.storage import Storage


@frozen(eq=False, repr=False)
class World:
    """What a verb works on, read once and passed down: the context, and its account's stores."""

    context: Context
    kept: Kept


@frozen(eq=False, repr=False)
class ContextService:
    """Reads the world."""

    storage: Storage
    overrides: Overrides
    clock: Clock

    def current(self, pinned: str | None = None) -> Context:
        """The context to work in.

        Args:
            pinned: the project that the caller insists on: its name, its ID, or `ORGANIZATION/NAME`. Models must never
                run against another project's state, so an environment variable must not contradict it.

        Raises:
            ProjectConflict: a variable names another project than `pinned`, or `pinned` names another organization.
            SettingUnusable: a setting is invalid, or names another API than the one signed in to.
            FileProblem: the recorded settings cannot be read.
        """
        return self.read(pinned).context

    def read(self, pinned: str | None = None) -> World:
        """The context, and the account that it was read from. Raises as `current` does."""
        kept = self.meant()
        settings = Settings() if self.overrides.given_session else kept.settings
        return World(resolved(settings, kept.stores.settings.describe(), self.overrides, pinned), kept)

    def read_again(self, before: Context) -> World:
        """The account of an earlier context, whichever account is current by now.

        Raises `ProjectConflict` if nobody is signed in to that organization any more, or `FileProblem`.
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
                f"This process keeps its state in {before.owner} on {url}, but you have signed in to "
                f"{name} on {recorded_api_url(now)} since it started.",
                project=before.project.value if before.project else None,
                organization=before.owner,
                meanwhile=True,
            )
        return World(before, kept)

    def meant(self) -> Kept:
        """The account that variables and `.dagctl.yaml` select; the current one if they select none."""
        if not self.overrides.choose_account:
            return Kept(self.storage.current)
        organization, api_url = self.overrides.organization, self.overrides.api_url
        return meant(
            self.storage,
            self.clock.now(),
            organization.value if organization else None,
            canonical_api_url(api_url.value) if api_url else None,
        )
