"""The guard of protected environments. It fails closed: what is not known to be allowed is refused."""

from __future__ import annotations

from attrs import frozen

from dagctl.domain.errors import EnvironmentProtected, NoProject, PlatformError, ProtectionUnknown
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.session import SessionService
from dagctl.domain.services.verdicts import Verdicts
from dagctl.domain.values.platform import ApiAccess
from dagctl.domain.values.targets import PRODUCTION, Targets, Verdict, sanitized
from dagctl.domain.values.text import printable
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.command_line import CommandLine


@frozen
class _Place:
    """What a question is about, the environment apart."""

    access: ApiAccess
    project_id: str
    project: str
    organization: str


@frozen
class ProtectionService:
    """Asks the platform before an environment is touched.

    Attributes:
        verdicts: what this process has been told already; shared by every service of the process.
    """

    api: ApiGateway
    context: ContextService
    projects: ProjectService
    session: SessionService
    commands: CommandLine
    verdicts: Verdicts

    def check(
        self,
        environment: str | None = None,
        default_environment: str | None = None,
        project_id: str | None = None,
        project: str | None = None,
    ) -> None:
        """Return if the environments in question are allowed; an environment is asked about once a process.

        Args:
            environment: the environment; what the running command targets where None.
            default_environment: the environment of a command that names none.
            project_id: used as it is; the context's project where None.
            project: name or ID of the project that the caller insists on.

        Raises:
            EnvironmentProtected: the platform says no.
            ProtectionUnknown: the platform could not be asked, or its answer means nothing.
            NotSignedIn: nobody is signed in.
            DagctlError: there is no telling which project this is about.
        """
        if environment is None:
            targets = self.targets(default_environment)
        else:
            targets = Targets.exactly([environment], default_environment or PRODUCTION, "the caller")
        self.require(targets, project_id=project_id, project=project)

    def targets(self, default_environment: str | None = None) -> Targets:
        """What the running command targets."""
        return self.commands.targets(default_environment)

    def anything(self, reason: str) -> Targets:
        """What somebody targets who may go on to do anything: production stands for it.

        Args:
            reason: what they have started, for people.
        """
        return Targets.every(PRODUCTION, reason)

    def require(self, targets: Targets, *, project_id: str | None = None, project: str | None = None) -> None:
        """Return if every environment in `targets` is allowed. Without any, nobody is asked.

        Raises:
            DagctlError: as `check` does.
        """
        if not targets.environments:
            return
        try:
            place = self._place(project_id, project)
        except PlatformError as error:
            raise _unknown(targets.environments[0], project or project_id, error) from None
        for environment in targets.environments:
            self._require(environment, place, targets)

    def ask(self, environment: str, *, project_id: str | None = None, project: str | None = None) -> Verdict:
        """What the platform says now about one environment.

        Raises:
            DagctlError: as `check` does, but for `EnvironmentProtected`.
        """
        try:
            place = self._place(project_id, project)
        except PlatformError as error:
            raise _unknown(sanitized(environment), project or project_id, error) from None
        return self._ask(sanitized(environment), place)

    def _require(self, environment: str, place: _Place, targets: Targets) -> None:
        question = (place.access.api_url, place.access.organization_id, place.project_id, environment)
        verdict = self.verdicts.get(question, lambda: self._ask(environment, place))
        if verdict.allowed is not True:
            raise _protected(environment, place, targets, verdict)

    def _place(self, project_id: str | None, project: str | None) -> _Place:
        self.session.fresh()  # an expired session heals itself first
        context = self.context.current(project)
        if project_id is None:
            context = self.projects.identified(context)
            project_id = context.project_id
        if not project_id:
            raise NoProject("The project's ID is missing.", hint="Run: dagctl use-project PROJECT")
        access = self.projects.access(context)
        known = context.project if project_id == context.project_id else None
        name = known.value if known else project_id
        organization = context.organization.value if context.organization else "your organization"
        return _Place(access, project_id, printable(name), printable(organization))

    def _ask(self, environment: str, place: _Place) -> Verdict:
        try:
            with self.session.clocks.explaining(place.access.api_url):
                return self.api.protection(place.access, place.project_id, environment)
        except PlatformError as error:
            raise _unknown(environment, place.project, error) from None


def _unknown(environment: str, project: str | None, error: PlatformError) -> ProtectionUnknown:
    where = f" of project {project!r}" if project else ""
    return ProtectionUnknown(
        f"Nobody could say whether the environment {environment!r}{where} is protected, "
        f"so it counts as protected: {error.message}",
        hint=error.hint or f"Nothing was changed. To try again: dagctl protection check {environment}",
    )


def _protected(environment: str, place: _Place, targets: Targets, verdict: Verdict) -> EnvironmentProtected:
    words = printable(verdict.message or "").rstrip(".")
    said = f": {words}." if words else "."
    why = f" ({targets.reason} may touch every environment.)" if targets.everything else ""
    return EnvironmentProtected(
        f"The environment {environment!r} of project {place.project!r} is protected from you{said}{why}",
        hint="Deploy to it the way your team does (mostly: merge, and let CI deploy), or ask an "
        f"administrator of {place.organization} for access. "
        "Your own work belongs in an environment of your own: sqlmesh plan dev_YOURNAME",
    )
