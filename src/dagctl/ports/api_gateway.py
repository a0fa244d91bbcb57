"""The platform's management API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Project, StateProxy
from dagctl.domain.values.targets import Verdict

if TYPE_CHECKING:
    from dagctl.domain.values.handshake import Handshake


class ApiGateway(Protocol):
    """Asks the management API.

    Every method limits the time and the size of the answer, and sends the token to the API's own host only.

    Raises:
        Unreachable: no connection, no answer in time; `CertificateRefused` if TLS could not be verified.
        Refused: the API refuses; `TokenNotAccepted` for a 401.
        Malformed: the answer breaks the protocol.
    """

    def advertisement(self, api_url: str) -> Advertisement | None:
        """The issuer that the API names (RFC 9728 section 3); None if it publishes no metadata.

        Raises:
            Malformed: also if the metadata's `resource` is not `api_url` (RFC 9728 section 3.3).
        """

    def server_date(self, api_url: str) -> datetime | None:
        """The API's own time (`Date`, RFC 9110 section 6.6.1), aware; None if it does not say. Sends no token."""

    def tls_of(self, api_url: str) -> Handshake | None:
        """What the TLS handshake with the API showed; None over plain http. Any answer will do. Sends no token."""

    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        """The organization that `subject` belongs to; None if the person has not been onboarded."""

    def state_proxy(self, access: ApiAccess) -> StateProxy | None:
        """The proxy of the organization's state databases; None if the platform does not say."""

    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        """The organization's projects, in the platform's order."""

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        """Whether this person may touch `environment` of the project.

        Without an environment the platform takes the project's own default. `Verdict.allowed` is true for a JSON
        object in which `allowed` is `true` (and whose environment and project ID, if present, match the question),
        and for a 404 whose body is a JSON object, which means that no protection is configured. It is false for a
        403, and if `allowed` is `false`. Everything else raises.
        """
