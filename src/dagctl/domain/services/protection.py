"""The guard of protected environments. It fails closed: it refuses whatever is not known to be allowed."""

from __future__ import annotations

from functools import partial

from attrs import evolve, frozen

from dagctl.domain.errors import EnvironmentProtected, NoProject, PlatformError, ProtectionUnknown
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.session import Session, SessionService
from dagctl.domain.services.verdicts import Verdicts
from dagctl.domain.values.context import Context, Origin, Sourced
from dagctl.domain.values.targets import PRODUCTION, Targets, Verdict, sanitized
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import identity_of
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.command_line import CommandLine


@frozen(eq=False, repr=False)
class ProtectionService:
    """Asks the platform before SQLMesh changes an environment.

    Attributes:
        verdicts: the answers that this process already has; all its services share them.
    """

    api: ApiGateway
    projects: ProjectService
    sessions: SessionService
    commands: CommandLine
    verdicts: Verdicts

    def check(
        self,
        environment: str | None = None,
        default_environment: str | None = None,
        project_id: str | None = None,
        project: str | None = None,
    ) -> None:
        """Return if the platform allows the environments in question. `Verdicts` remembers each yes for a while.

        Args:
            environment: the environment; None for those that the running command targets.
            default_environment: the environment of a command that names none.
            project_id: taken as given; None for the context's project.
            project: name or ID of the project that the caller insists on.

        Raises:
            EnvironmentProtected: the platform says no.
            ProtectionUnknown: the platform gave no usable answer.
            NotSignedIn: nobody is signed in.
            DagctlError: the project in question is not known.
        """
        if environment is None:
            targets = self.targets(default_environment)
        else:
            targets = Targets.exactly([environment], default_environment or PRODUCTION, "the caller")
        self.admitted(targets, project, project_id=project_id)

    def targets(self, default_environment: str | None = None) -> Targets:
        """The environments that the running command targets."""
        return self.commands.targets(default_environment)

    def anything(self, reason: str) -> Targets:
        """The targets of a program that may change anything: production represents them all.

        Args:
            reason: the program, for people.
        """
        return Targets.every(PRODUCTION, reason)

    def admitted(
        self,
        targets: Targets,
        project: str | None = None,
        *,
        project_id: str | None = None,
        since: Context | None = None,
        again: bool = False,
    ) -> Session | None:
        """The session in which to change `targets`, once the platform allows them all; None if there are no targets.

        Args and errors as for `check` and `require`.

        Args:
            since: an earlier, identified context of this process, whose account to keep whichever is current by now.
        """
        if not targets.environments:
            return None  # so a command that only reads needs no platform
        session = self._session(targets.environments[0], project, project_id, since=since)
        self.require(targets, session, again=again)
        return session

    def require(self, targets: Targets, session: Session, *, again: bool = False) -> None:
        """Return if the platform allows all of `targets`, in an identified session. Raises as `check` does.

        Args:
            again: ask again even about environments that were allowed a moment ago.
        """
        access, project_id = session.access, session.context.project_id
        who = identity_of(session.tokens.id_token).subject
        for environment in targets.environments:
            question = (access.api_url, access.organization_id, project_id, environment, who)
            verdict = self.verdicts.get(question, partial(self.ask_in, environment, session), again=again)
            if verdict.allowed is not True:  # not even something truthy counts as a yes
                raise _protected(environment, session, targets, verdict)

    def ask(self, environment: str, *, project: str | None = None) -> Verdict:
        """The platform's current verdict on one environment.

        Raises:
            DagctlError: as `check` does, except `EnvironmentProtected`.
        """
        name = sanitized(environment)
        return self.ask_in(name, self._session(name, project))

    def ask_in(self, environment: str, session: Session) -> Verdict:
        """The same, in an identified session."""
        access, project_id = session.access, session.context.project_id or ""
        try:
            with self.sessions.clocks.explaining(access.api_url):
                return self.api.protection(access, project_id, environment)
        except PlatformError as error:
            raise _unknown(environment, _project(session), error) from None

    def _session(
        self, environment: str, project: str | None, project_id: str | None = None, *, since: Context | None = None
    ) -> Session:
        """An identified session. If the platform does not answer, nobody knows what is protected."""
        contexts = self.sessions.contexts
        try:
            world = contexts.read(project) if since is None else contexts.read_again(since)
            session = self.sessions.open_in(world)
            if project_id is None:
                return self.projects.identified(session)
            session = self.projects.with_organization(session)
        except PlatformError as error:
            raise _unknown(environment, project or project_id, error) from None
        if not project_id:
            raise NoProject("The project's ID is missing.", organization=session.context.owner)
        if project_id == session.context.project_id:
            return session
        given = Sourced(project_id, Origin.CALLER)
        return evolve(session, context=evolve(session.context, project=given, project_id=project_id))


def _project(session: Session) -> str:
    return printable(session.context.project.value) if session.context.project else ""


def _unknown(environment: str, project: str | None, error: PlatformError) -> ProtectionUnknown:
    where = f" of project {project!r}" if project else ""
    return ProtectionUnknown(
        f"dagctl could not find out whether the environment {environment!r}{where} is protected, "
        f"so it counts as protected: {error.message}",
        environment=environment,
        project=project,
        cause=error,
    )


def _protected(environment: str, session: Session, targets: Targets, verdict: Verdict) -> EnvironmentProtected:
    words = printable(verdict.message or "").rstrip(".")
    said = f": {words}." if words else "."
    why = f" ({targets.reason} may change every environment.)" if targets.everything else ""
    return EnvironmentProtected(
        f"The environment {environment!r} of project {_project(session)!r} is protected from you{said}{why}",
        environment=environment,
        project=_project(session),
        organization=printable(session.context.owner),
    )
