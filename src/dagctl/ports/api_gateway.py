"""The platform's management API."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Project, StateProxy
from dagctl.domain.values.targets import Verdict


class ApiGateway(Protocol):
    """Asks the management API.

    Every method is bounded in time and in the size of the answer, and sends the token to no host but the
    API's own.

    Raises:
        Unreachable: no connection, no answer in time; `CertificateRefused` where TLS could not be verified.
        Refused: a status that says no; 401 means that the token was not accepted.
        Malformed: an answer that is not what the protocol promises.
    """

    def advertisement(self, api_url: str) -> Advertisement | None:
        """Which issuer the API names (RFC 9728 section 3); None where it publishes no metadata.

        Raises:
            Malformed: also where the metadata's `resource` is not `api_url` (RFC 9728 section 3.3).
        """

    def server_date(self, api_url: str) -> datetime | None:
        """What the API's clock shows now (`Date`, RFC 9110 section 6.6.1); aware. None where it does not tell.

        No token is sent.
        """

    def tls_of(self, api_url: str) -> Handshake | None:
        """What the TLS handshake with the API showed; None over plain http.

        The answer itself does not matter, as long as there is one. No token is sent.
        """

    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        """The organization that `subject` belongs to; None where the person has not been onboarded."""

    def state_proxy(self, access: ApiAccess) -> StateProxy | None:
        """Where the organization's state databases are reached; None where the platform does not say."""

    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        """The organization's projects, in the platform's order."""

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        """Whether this person may touch `environment` of the project.

        Without an environment the platform takes the project's own default. `Verdict.allowed` is true only
        for a JSON object with `allowed` being `true` (and, where it names an environment or a project ID, those
        that were asked about), and for a 404 with a JSON object for a body, which means that no protection is
        configured; false for a 403 and for `allowed` being `false`. Everything else raises.
        """
