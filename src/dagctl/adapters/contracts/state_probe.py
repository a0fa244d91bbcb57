"""What a `StateProbe` has to do."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any

import pytest
from attrs import evolve, frozen

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import CertificateRefused, PlatformError, Unreachable
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.state import StateCredentials
from dagctl.ports.state_probe import StateProbe


@frozen
class StateStage:
    """A proxy for the suite, and how to reach it.

    Attributes:
        probe: the adapter. It has no CA of its own.
        credentials: those of an existing database, with a valid token and `sslmode` `require`.
        ca: path of the CA that issued the proxy's certificate.
        other_ca: path of another one.
        nowhere: a port of the same host, on which nothing listens.
    """

    probe: StateProbe
    credentials: StateCredentials
    ca: str
    other_ca: str
    nowhere: int

    def verifying(self, ca: str) -> StateCredentials:
        """The credentials, with the proxy verified by `ca`."""
        return self.changed(sslmode="verify-full", sslrootcert=ca)

    def changed(self, **endpoint: Any) -> StateCredentials:
        """The credentials with another endpoint."""
        return evolve(self.credentials, endpoint=evolve(self.credentials.endpoint, **endpoint))


class StateProbeContract(Contract):
    """The suite of a `StateProbe`. Define `make`; its proxy insists on TLS and has a certificate for its host."""

    @abstractmethod
    def make(self) -> StateStage:
        """The stage."""

    def test_a_proxy_that_is_there_is_reached(self) -> None:
        stage = self.make()
        stage.probe.reach(stage.credentials.endpoint)

    @pytest.mark.parametrize("step", ["reach", "secure", "enter"])
    def test_where_nothing_listens_nothing_is_reached(self, step: str) -> None:
        stage = self.make()
        gone = stage.changed(port=stage.nowhere)
        with pytest.raises(Unreachable, match=str(stage.nowhere)):
            getattr(stage.probe, step)(gone if step == "enter" else gone.endpoint)

    def test_a_handshake_that_verifies_nobody(self) -> None:
        stage = self.make()
        shown = stage.probe.secure(stage.credentials.endpoint)
        assert shown is not None
        assert shown.version.startswith("TLSv1.")
        assert (shown.trusted_by, shown.issuer, shown.expires_at) == (None, None, None)

    def test_a_handshake_that_verifies(self) -> None:
        stage = self.make()
        shown = stage.probe.secure(stage.verifying(stage.ca).endpoint)
        assert shown is not None
        assert shown.trusted_by == stage.ca
        assert shown.issuer
        assert shown.expires_at is None or isinstance(shown.expires_at, datetime)

    def test_a_certificate_of_another_ca_is_refused(self) -> None:
        stage = self.make()
        with pytest.raises(CertificateRefused):
            stage.probe.secure(stage.verifying(stage.other_ca).endpoint)

    def test_without_tls_there_is_no_handshake(self) -> None:
        stage = self.make()
        assert stage.probe.secure(stage.changed(sslmode="disable").endpoint) is None

    def test_who_may_is_let_in(self) -> None:
        stage = self.make()
        stage.probe.enter(stage.credentials)
        stage.probe.enter(stage.verifying(stage.ca))

    @pytest.mark.parametrize("password", [True, False])
    def test_who_may_not_is_turned_away(self, password: bool) -> None:
        stage = self.make()
        stranger = evolve(stage.credentials, password=Secret("secret.of.nobody"))
        wrong = stranger if password else stage.changed(user="nobody/it")
        with pytest.raises(PlatformError) as caught:
            stage.probe.enter(wrong)
        assert not isinstance(caught.value, Unreachable)
        assert "secret.of.nobody" not in str(caught.value)
        assert stage.credentials.password.reveal() not in str(caught.value)
