"""The shapes of facts under `--json`: a fact has one shape, whichever command shows it.

A shape is a `TypedDict`, and so is the `Data` of each command's module. `docs/reference/json.md` is made from their
docstrings. Times are `datetime` and paths are `PurePath` here; `App` writes them as RFC 3339 in UTC and as absolute
paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import PurePath
    from typing import Any

    from dagctl.domain.services import kept
    from dagctl.domain.values import tokens
    from dagctl.domain.values.context import Context, Sourced

WARNINGS: Mapping[str, str] = {
    "unverified": "`-k` turns certificate verification off",
    "token_shown": "the data contain a token that a person would not expect there",
    "overridden": "a variable or a `.dagctl.yaml` names something else than what you chose, and wins",
    "no_pg_proxy": "the platform does not say where its PG proxy is, so dagctl derives the host from the API URL",
    "plugin_ignored": "dagctl ignores another package's command",
    "no_log": "dagctl cannot write the file in `DAGCTL_LOG`",
    "notice": "something about your files or the keyring that you should know: dagctl made a file private, for example",
}
"""The codes of warnings, and what they mean."""


class Organization(TypedDict):
    """An organization.

    Attributes:
        id: its ID on the platform; null if only its name is known.
        name: its name, or its ID if no name is known.
    """

    id: str | None
    name: str


class Project(TypedDict):
    """A project.

    Attributes:
        id: its ID on the platform; null if only its name is known.
        name: its name, or its ID if that is how you chose it.
    """

    id: str | None
    name: str


class User(TypedDict):
    """A person.

    Attributes:
        email: the email address; null if the ID token has none.
        subject: the issuer's name for the person (`sub`).
    """

    email: str | None
    subject: str


class Address(TypedDict):
    """Where a server listens.

    Attributes:
        host: its host name or IP address.
        port: its TCP port.
    """

    host: str
    port: int


class Account(TypedDict):
    """A session that is signed in, and what it works on.

    Attributes:
        name: what it is called on this machine.
        organization: the organization.
        project: the current project; null if you have chosen none.
        api_url: the platform's API.
        signed_in: whether its tokens are alive, or dagctl can renew them.
        expires_at: when its tokens expire unless dagctl renews them; null if they do not say.
        current: whether commands use this account unless told otherwise.
    """

    name: str
    organization: Organization
    project: Project | None
    api_url: str
    signed_in: bool
    expires_at: datetime | None
    current: bool


class Verdict(TypedDict):
    """Whether an environment is open to you.

    Attributes:
        environment: its name as SQLMesh stores it.
        verdict: `unknown` if the platform gave no usable answer; dagctl then treats the environment as protected.
        reason: why it is not open; null if it is, or if the platform gives no reason.
    """

    environment: str
    verdict: Literal["open", "protected", "unknown"]
    reason: str | None


class SandboxProject(TypedDict):
    """A project of the sandbox.

    Attributes:
        id: its ID.
        name: its name.
        protected_environments: the environments that are protected.
    """

    id: str
    name: str
    protected_environments: list[str]


class Sandbox(TypedDict):
    """A running sandbox. While it is starting, everything but `pid` is null.

    Attributes:
        pid: its process; null if another program runs it within itself.
        api_url: its API.
        issuer: its OpenID Connect issuer.
        client_id: the client that `dagctl auth login` uses there.
        pg_proxy: where its state databases are.
        organization: its organization.
        projects: the organization's projects.
        users: who can sign in.
        ca_file: its CA certificate, a PEM file.
        ca_bundle: the system's CA certificates and its own, a PEM file for `SSL_CERT_FILE`.
    """

    pid: int | None
    api_url: str | None
    issuer: str | None
    client_id: str | None
    pg_proxy: Address | None
    organization: Organization | None
    projects: list[SandboxProject] | None
    users: list[User] | None
    ca_file: PurePath | None
    ca_bundle: PurePath | None


def organization(name: str | None, id_: str | None) -> Organization | None:
    """What is known of an organization; None if nothing is."""
    name = name or id_
    return Organization(id=id_, name=name) if name else None


def project(name: str | None, id_: str | None) -> Project | None:
    """What is known of a project; None if nothing is."""
    name = name or id_
    return Project(id=id_, name=name) if name else None


def organization_of(context: Context) -> Organization | None:
    """The organization that a context is for."""
    return organization(context.organization.value if context.organization else None, context.organization_id)


def project_of(context: Context) -> Project | None:
    """The project that a context is for."""
    return project(context.project.value if context.project else None, context.project_id)


def sources(**values: Sourced[Any] | None) -> dict[str, str | None]:
    """Where values come from: for each, a variable, the path of a file, or a few words."""
    return {name: value.source if value is not None else None for name, value in values.items()}


def user(identity: tokens.Identity) -> User:
    """A person."""
    return User(email=identity.email, subject=identity.subject)


def account(found: kept.Account) -> Account:
    """An account."""
    return Account(
        name=found.name,
        organization=Organization(id=found.organization_id, name=found.organization),
        project=project(found.project, found.project_id),
        api_url=found.api_url,
        signed_in=found.signed_in,
        expires_at=found.expires_at,
        current=found.current,
    )
