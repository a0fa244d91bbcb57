"""The way to a state database: whom this machine trusts there, and each step of it, to find out which one fails."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateCredentials, StateEndpoint


class ProxyTrust(Protocol):
    """Knows the CA certificates that this machine verifies state databases' proxies with."""

    def applied(self, endpoint: StateEndpoint) -> StateEndpoint:
        """`endpoint` with those CA certificates, and as strict as they allow where nobody chose an `sslmode`.

        Asks nobody: a proxy whose certificate has been verified once is verified from then on.
        """

    def tried(self, endpoint: StateEndpoint) -> StateEndpoint:
        """As `applied`, for whoever connects now: the proxy shows its certificate, where that is not known yet.

        Raises:
            Unreachable: there is no connection to be had.
        """


class StateProbe(Protocol):
    """Tries the steps that a connection to a state database takes. Each is bounded in time, and leaves nothing behind.

    Raises:
        Unreachable: no connection, no answer in time.
        CertificateRefused: TLS does not come about, or the certificate does not stand up to `sslmode`.
        PlatformError: the proxy refuses; the message never holds the password.
    """

    def reach(self, endpoint: StateEndpoint) -> None:
        """Open a TCP connection."""

    def secure(self, endpoint: StateEndpoint) -> Handshake | None:
        """Do the TLS handshake, as strictly as `sslmode` asks; None where the proxy offers no TLS and may do so."""

    def enter(self, credentials: StateCredentials) -> None:
        """Log in and have the database answer a question.

        Raises:
            MissingExtra: there is no PostgreSQL driver to do that with.
        """
