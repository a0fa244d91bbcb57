"""The management API of PROTOCOL.md. A method imports the wire classes, and with them cattrs, only if it needs them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from dagctl.adapters.http.answers import (
    document,
    https_host,
    malformed,
    members,
    refusal,
    sealed,
    told,
    verdict,
    words,
)
from dagctl.adapters.http.transport import Answer, Transport, split
from dagctl.domain.errors import TokenNotAccepted
from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Project, StateProxy
from dagctl.domain.values.targets import Verdict
from dagctl.ports.api_gateway import ApiGateway

if TYPE_CHECKING:
    from dagctl.domain.values.handshake import Handshake


class HttpApiGateway(ApiGateway):
    """The `ApiGateway` over HTTPS.

    Args:
        insecure: do not verify the API's certificate.
    """

    def __init__(self, transport: Transport, *, insecure: bool = False) -> None:
        self._transport = transport
        self._insecure = insecure

    def advertisement(self, api_url: str) -> Advertisement | None:
        # RFC 9728 section 3.1
        from dagctl.adapters.http.wire import ResourceMetadataWire, structure

        answer = self._metadata(api_url)
        if 400 <= answer.status < 500:
            return None
        metadata = structure(_successful(answer), ResourceMetadataWire, answer)
        if metadata.resource.rstrip("/") != api_url:
            raise malformed(answer, f"speaks for another API than {api_url}")
        if not metadata.authorization_servers:
            return None
        return Advertisement(_issuer_host(metadata.authorization_servers[0], answer), metadata.dagctl_client_id)

    def server_date(self, api_url: str) -> datetime | None:
        # this request needs no token, and every answer carries a Date
        return self._metadata(api_url).date

    def tls_of(self, api_url: str) -> Handshake | None:
        return self._transport.tls_of(_metadata_url(api_url), insecure=self._insecure)

    @sealed
    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        from dagctl.adapters.http.wire import OnboardingWire, structure

        answer = self._get(access, "/api/v1/onboarding/status", auth0_id=subject)
        status = structure(_successful(answer), OnboardingWire, answer)
        if not status.onboarded or status.organization is None:
            return None
        found = status.organization
        return Organization(found.id, found.name or found.id)

    @sealed
    def state_proxy(self, access: ApiAccess) -> StateProxy | None:
        from dagctl.adapters.http.wire import EnvironmentInfoWire, structure

        answer = self._get(access, "/api/v1/env/info")
        if answer.status == 404:
            return None
        found = structure(_successful(answer), EnvironmentInfoWire, answer).state_proxy
        if found is None:
            return None
        proxy = StateProxy(found.host, found.port)
        if not proxy.usable:
            raise malformed(answer, "gives an invalid host or port for the PG proxy")
        return proxy

    @sealed
    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        # a list, a list under `projects`, or a list of plain names (PROTOCOL.md)
        answer = self._get(access, "/api/v1/projects")
        found = _successful(answer)
        if isinstance(found, dict):
            found = found.get("projects")
        if not isinstance(found, list):
            raise malformed(answer, "did not answer with a list of projects")
        return tuple(_project(item, answer) for item in found)

    @sealed
    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        query = {"project_id": project_id, **({} if environment is None else {"environment": environment})}
        answer = self._get(access, "/api/v1/environment-protections/check", **query)
        if answer.status == 403:
            return Verdict(allowed=False, message=words(told(answer).get("message"), answer) or None)
        if answer.status == 404:  # no rule for it, if the API says so; a proxy's page says nothing
            members(document(answer), answer)
            return Verdict(allowed=True)
        return verdict(members(_successful(answer), answer), answer, project_id, environment)

    def _get(self, access: ApiAccess, path: str, **query: str) -> Answer:
        headers = {}
        if access.organization_id is not None:  # percent-encoded outside ASCII
            headers["X-Organization-ID"] = quote(access.organization_id, "!#$&'()*+,/:;=?@[]~ |", errors="replace")
        suffix = f"?{urlencode(query, errors='replace')}" if query else ""
        url = f"{access.api_url}{path}{suffix}"
        answer = self._transport.get(url, headers, bearer=access.id_token, insecure=self._insecure)
        if answer.status == 401:
            raise TokenNotAccepted(
                f"{answer.where} does not accept your token.",
                host=answer.host,
                organization=access.organization_id,
                api_url=access.api_url,
            )
        return answer

    def _metadata(self, api_url: str) -> Answer:
        return self._transport.get(_metadata_url(api_url), insecure=self._insecure)


def _metadata_url(api_url: str) -> str:
    parts = split(api_url)
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{parts.path}"


def _successful(answer: Answer) -> object:
    if answer.status != 200:
        raise refusal(answer)
    return document(answer)


def _project(item: object, answer: Answer) -> Project:
    from dagctl.adapters.http.wire import NamedWire, structure

    found = structure({"id": item} if isinstance(item, str) else item, NamedWire, answer)
    return Project(found.id, found.name or found.id)


def _issuer_host(issuer: str, answer: Answer) -> str:
    host = https_host(issuer)
    if host is None or issuer.lower() not in (f"https://{host}", f"https://{host}/"):
        raise malformed(answer, "names an issuer that is not an https host")
    return host
