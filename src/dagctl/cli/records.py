"""The shapes of facts under `--json`: a fact has one shape, whichever command shows it.

A shape is a `TypedDict`, and so is the `Data` of each command's module. Each field is annotated with its meaning, and
`docs/reference/json.md` is made of these. Times are `datetime` and paths are `PurePath` here; `App` writes them as
RFC 3339 in UTC and as absolute paths.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath
    from typing import Any

    from dagctl.domain.values import account as accounts
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
    """An organization."""

    id: Annotated[str | None, "its ID on the platform; null if only its name is known"]
    name: Annotated[str, "its name, or its ID if no name is known"]


class Project(TypedDict):
    """A project."""

    id: Annotated[str | None, "its ID on the platform; null if only its name is known"]
    name: Annotated[str, "its name, or its ID if that is how you chose it"]


class User(TypedDict):
    """A person."""

    email: Annotated[str | None, "the email address; null if the ID token has none"]
    subject: Annotated[str, "the issuer's name for the person (`sub`)"]


class Address(TypedDict):
    """Where a server listens."""

    host: Annotated[str, "its host name or IP address"]
    port: Annotated[int, "its TCP port"]


class Account(TypedDict):
    """A session that is signed in, and what it works on."""

    name: Annotated[str, "what it is called on this machine"]
    organization: Annotated[Organization, "the organization"]
    project: Annotated[Project | None, "the current project; null if you have chosen none"]
    api_url: Annotated[str, "the platform's API"]
    signed_in: Annotated[bool, "whether its tokens are alive, or dagctl can renew them"]
    expires_at: Annotated[datetime | None, "when its tokens expire unless dagctl renews them; null if they do not say"]
    current: Annotated[bool, "whether commands use this account unless told otherwise"]


class Verdict(TypedDict):
    """Whether an environment is open to you."""

    environment: Annotated[str, "its name as SQLMesh stores it"]
    verdict: Annotated[
        Literal["open", "protected", "unknown"],
        "`unknown` if the platform gave no usable answer; dagctl then treats the environment as protected",
    ]
    reason: Annotated[str | None, "why it is not open; null if it is, or if the platform gives no reason"]


class SandboxProject(TypedDict):
    """A project of the sandbox."""

    id: Annotated[str, "its ID"]
    name: Annotated[str, "its name"]
    protected_environments: Annotated[list[str], "the environments that are protected"]


class Sandbox(TypedDict):
    """A running sandbox. While it is starting, everything but `pid` is null."""

    pid: Annotated[int | None, "its process; null if another program runs it within itself"]
    api_url: Annotated[str | None, "its API"]
    issuer: Annotated[str | None, "its OpenID Connect issuer"]
    client_id: Annotated[str | None, "the client that `dagctl auth login` uses there"]
    pg_proxy: Annotated[Address | None, "where its state databases are"]
    organization: Annotated[Organization | None, "its organization"]
    projects: Annotated[list[SandboxProject] | None, "the organization's projects"]
    users: Annotated[list[User] | None, "who can sign in"]
    ca_file: Annotated[PurePath | None, "its CA certificate, a PEM file"]
    ca_bundle: Annotated[PurePath | None, "the system's CA certificates and its own, a PEM file for `SSL_CERT_FILE`"]


def project(name: str | None, id_: str | None) -> Project | None:
    """What is known of a project; None if nothing is."""
    name = name or id_
    return Project(id=id_, name=name) if name else None


def organization_of(context: Context) -> Organization | None:
    """What is known of the organization that a context is for; None if nothing is."""
    name = (context.organization.value if context.organization else None) or context.organization_id
    return Organization(id=context.organization_id, name=name) if name else None


def project_of(context: Context) -> Project | None:
    """The project that a context is for."""
    return project(context.project.value if context.project else None, context.project_id)


def sources(**values: Sourced[Any] | None) -> dict[str, str | None]:
    """Where values come from: for each, a variable, the path of a file, or a few words."""
    return {name: value.source if value is not None else None for name, value in values.items()}


def user(identity: tokens.Identity) -> User:
    return User(email=identity.email, subject=identity.subject)


def account(found: accounts.Account) -> Account:
    return Account(
        name=found.name,
        organization=Organization(id=found.organization_id, name=found.organization),
        project=project(found.project, found.project_id),
        api_url=found.api_url,
        signed_in=found.signed_in,
        expires_at=found.expires_at,
        current=found.current,
    )
