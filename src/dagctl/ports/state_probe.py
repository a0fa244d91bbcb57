"""The path to a state database: which CAs this machine trusts, and each step, to find out which one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    from dagctl.domain.values.handshake import Handshake


class ProxyTrust(Protocol):
    """Knows the CA certificates with which this machine verifies state databases' proxies."""

    def applied(self, endpoint: StateEndpoint) -> StateEndpoint:
        """`endpoint` with those CA certificates, and as strict as they allow if nobody chose an `sslmode`.

        Uses no network: once a proxy's certificate has verified, dagctl verifies that proxy from then on.
        """

    def tried(self, endpoint: StateEndpoint) -> StateEndpoint:
        """As `applied`, just before a connection: if the proxy's certificate is still unknown, fetches it.

        Raises:
            Unreachable: the proxy cannot be reached.
        """


class StateProbe(Protocol):
    """Tries the steps that a connection to a state database takes. Each has a time limit and leaves nothing behind.

    Raises:
        Unreachable: no connection, no answer in time.
        CertificateRefused: the TLS handshake fails, or the certificate does not satisfy `sslmode`.
        PlatformError: the proxy refuses; the message never holds the password.
    """

    def reach(self, endpoint: StateEndpoint) -> None:
        """Open a TCP connection."""

    def secure(self, endpoint: StateEndpoint) -> Handshake | None:
        """Do the TLS handshake as `sslmode` demands; None if the proxy offers no TLS and `sslmode` permits that."""

    def enter(self, credentials: StateCredentials) -> None:
        """Log in and run one query.

        Raises:
            MissingExtra: no PostgreSQL driver is installed.
        """
