"""The management API, as PROTOCOL.md has it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from dagctl.adapters.http.transport import Answer, Transport
from dagctl.adapters.http.wire import (
    EnvironmentInfoWire,
    OnboardingWire,
    ProjectWire,
    ProtectionWire,
    ResourceMetadataWire,
    document,
    refusal,
    structure,
)
from dagctl.domain.errors import Malformed, Refused
from dagctl.domain.platform import Advertisement, ApiAccess, Organization, Project, StateProxy
from dagctl.domain.targets import Verdict, sanitized
from dagctl.domain.text import printable


class HttpApiGateway:
    """The `ApiGateway` over HTTPS.

    Args:
        insecure: do not verify the API's certificate.
    """

    def __init__(self, transport: Transport, *, insecure: bool = False) -> None:
        self._transport = transport
        self._insecure = insecure
        self.server_date: datetime | None = None

    def advertisement(self, api_url: str) -> Advertisement | None:
        """Read the protected resource metadata (RFC 9728 section 3.1)."""
        parts = urlsplit(api_url)
        url = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"
        answer = self._transport.get(url, insecure=self._insecure)
        if 400 <= answer.status < 500:
            return None
        metadata = structure(_successful(answer), ResourceMetadataWire, answer)
        if metadata.resource.rstrip("/") != api_url:
            raise Malformed(f"{answer.where} speaks for another API than {api_url}.")
        if not metadata.authorization_servers:
            return None
        return Advertisement(_issuer_host(metadata.authorization_servers[0], answer), metadata.dagctl_client_id)

    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        """Ask for the onboarding status."""
        answer = self._get(access, "/api/v1/onboarding/status", auth0_id=subject)
        status = structure(_successful(answer), OnboardingWire, answer)
        if not status.onboarded or status.organization is None:
            return None
        found = status.organization
        return Organization(found.id, found.name or found.id)

    def state_proxy(self, access: ApiAccess) -> StateProxy | None:
        """Ask for the environment's information."""
        answer = self._get(access, "/api/v1/env/info")
        if answer.status == 404:
            return None
        proxy = structure(_successful(answer), EnvironmentInfoWire, answer).state_proxy
        if proxy is None:
            return None
        if not 0 < proxy.port < 65536 or not proxy.host.isprintable():
            raise Malformed(f"{answer.where} names a PG proxy that cannot be.")
        return StateProxy(proxy.host, proxy.port)

    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        """Ask for the projects: a list, a list under `projects`, or a list of plain names."""
        answer = self._get(access, "/api/v1/projects")
        found = _successful(answer)
        if isinstance(found, dict):
            found = found.get("projects")
        if not isinstance(found, list):
            raise Malformed(f"{answer.where} answers with something that is not a list of projects.")
        return tuple(_project(item, answer) for item in found)

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        """Ask whether the environment is open to this person."""
        query = {"project_id": project_id, **({} if environment is None else {"environment": environment})}
        answer = self._get(access, "/api/v1/environment-protections/check", **query)
        if answer.status == 403:
            return Verdict(allowed=False, message=_message(answer))
        if answer.status == 404:
            structure(document(answer), dict, answer)
            return Verdict(allowed=True)
        found = structure(_successful(answer), ProtectionWire, answer)
        named = found.environment
        if environment is not None and named is not None and sanitized(named) != sanitized(environment):
            raise Malformed(f"{answer.where} answers for another environment than {environment!r}.")
        return Verdict(allowed=found.allowed)

    def _get(self, access: ApiAccess, path: str, **query: str) -> Answer:
        headers = {"Authorization": f"Bearer {access.id_token}"}
        if access.organization_id is not None:
            headers["X-Organization-ID"] = quote(access.organization_id, safe="!#$&'()*+,/:;=?@[]~ |")
        suffix = f"?{urlencode(query)}" if query else ""
        answer = self._transport.get(f"{access.api_url}{path}{suffix}", headers, insecure=self._insecure)
        self.server_date = answer.date or self.server_date
        return answer


def _successful(answer: Answer) -> object:
    if answer.status == 401:
        raise Refused(
            f"{answer.where} does not accept your token.",
            status=401,
            hint="Run: dagctl auth login --org ORG",
        )
    if answer.status != 200:
        raise refusal(answer)
    return document(answer)


def _project(item: object, answer: Answer) -> Project:
    if isinstance(item, str) and item:
        return Project(item, item)
    if isinstance(item, dict) and isinstance(item.get("id"), int) and not isinstance(item["id"], bool):
        item = {**item, "id": str(item["id"])}
    found = structure(item, ProjectWire, answer)
    return Project(found.id, found.name or found.id)


def _message(answer: Answer) -> str | None:
    try:
        found = document(answer)
    except Malformed:
        return None
    words = found.get("message") if isinstance(found, dict) else None
    return printable(words) or None if isinstance(words, str) else None


def _issuer_host(issuer: str, answer: Answer) -> str:
    parts = urlsplit(issuer)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise Malformed(f"{answer.where} names an issuer that is not an https host.")
    return parts.netloc.lower()
