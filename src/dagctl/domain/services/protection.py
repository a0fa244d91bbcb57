"""The guard of protected environments. It fails closed: what is not known to be allowed is refused."""

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


@frozen
class ProtectionService:
    """Asks the platform before an environment is touched.

    Attributes:
        verdicts: what this process has been told already; shared by every service of the process.
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
        """Return if the environments in question are allowed; a yes is remembered for as long as `Verdicts` says.

        Args:
            environment: the environment; what the running command targets where None.
            default_environment: the environment of a command that names none.
            project_id: used as it is; the context's project where None.
            project: name or ID of the project that the caller insists on.

        Raises:
            EnvironmentProtected: the platform says no.
            ProtectionUnknown: the platform could not be asked, or its answer means nothing.
            NotSignedIn: nobody is signed in.
            DagctlError: the project in question is not known.
        """
        if environment is None:
            targets = self.targets(default_environment)
        else:
            targets = Targets.exactly([environment], default_environment or PRODUCTION, "the caller")
        self.admitted(targets, project, project_id=project_id)

    def targets(self, default_environment: str | None = None) -> Targets:
        """What the running command targets."""
        return self.commands.targets(default_environment)

    def anything(self, reason: str) -> Targets:
        """What somebody targets who may go on to do anything: production stands for it.

        Args:
            reason: what they have started, for people.
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
        """The session to touch `targets` in, once all of them are allowed. Without any, nobody is asked: None.

        Args:
            project: the project that the caller insists on.
            project_id: used as it is.
            since: an identified context of this process, to go on in whichever account is the current one by now.
            again: as for `require`.

        Raises:
            DagctlError: as `check` does.
        """
        if not targets.environments:
            return None
        session = self._session(targets.environments[0], project, project_id, since=since)
        self.require(targets, session, again=again)
        return session

    def require(self, targets: Targets, session: Session, *, again: bool = False) -> None:
        """Return if every environment in `targets` is allowed in an identified session.

        Args:
            again: what was allowed a moment ago is asked about once more.

        Raises:
            EnvironmentProtected: the platform says no.
            ProtectionUnknown: the platform could not be asked, or its answer means nothing.
        """
        access, project_id = session.access, session.context.project_id
        who = identity_of(session.tokens.id_token).subject
        for environment in targets.environments:
            question = (access.api_url, access.organization_id, project_id, environment, who)
            verdict = self.verdicts.get(question, partial(self.ask_in, environment, session), again=again)
            if verdict.allowed is not True:
                raise _protected(environment, session, targets, verdict)

    def ask(self, environment: str, *, project: str | None = None) -> Verdict:
        """What the platform says now about one environment.

        Raises:
            DagctlError: as `check` does, but for `EnvironmentProtected`.
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
        """An identified session; where the platform cannot be asked for it, nobody knows what is protected."""
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
        context = session.context
        if project_id == context.project_id:
            return session
        return evolve(
            session,
            context=evolve(context, project=Sourced(project_id, Origin.CALLER), project_id=project_id),
        )


def _project(session: Session) -> str:
    return printable(session.context.project.value) if session.context.project else ""


def _unknown(environment: str, project: str | None, error: PlatformError) -> ProtectionUnknown:
    where = f" of project {project!r}" if project else ""
    return ProtectionUnknown(
        f"Nobody could say whether the environment {environment!r}{where} is protected, "
        f"so it counts as protected: {error.message}",
        environment=environment,
        project=project,
        cause=error,
    )


def _protected(environment: str, session: Session, targets: Targets, verdict: Verdict) -> EnvironmentProtected:
    words = printable(verdict.message or "").rstrip(".")
    said = f": {words}." if words else "."
    why = f" ({targets.reason} may touch every environment.)" if targets.everything else ""
    return EnvironmentProtected(
        f"The environment {environment!r} of project {_project(session)!r} is protected from you{said}{why}",
        environment=environment,
        project=_project(session),
        organization=printable(session.context.owner),
    )
