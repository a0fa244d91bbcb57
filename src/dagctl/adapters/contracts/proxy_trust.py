"""What a `ProxyTrust` has to do."""

from __future__ import annotations

from abc import abstractmethod

import pytest

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.values.state import SSL_MODES, StateEndpoint
from dagctl.ports.state_probe import ProxyTrust

HERE = StateEndpoint("localhost", 16432, "org_acme_shop", "acme/shop")


class ProxyTrustContract(Contract):
    """The suite of a `ProxyTrust`. Define `make`."""

    @abstractmethod
    def make(self, *, trusting: bool) -> ProxyTrust:
        """The trust of a machine that has a CA for proxies on `localhost` where `trusting`, and no CA otherwise."""

    def test_who_trusts_nobody_verifies_nobody(self) -> None:
        assert self.make(trusting=False).applied(HERE) == HERE

    def test_a_ca_is_put_to_use_where_nobody_chose(self) -> None:
        applied = self.make(trusting=True).applied(HERE)
        assert applied.sslmode == "verify-full"
        assert applied.sslrootcert

    def test_nothing_on_this_machine_is_tried(self) -> None:
        for trusting in (False, True):
            trust = self.make(trusting=trusting)
            assert trust.tried(HERE) == trust.applied(HERE)

    @pytest.mark.parametrize("trusting", [True, False])
    @pytest.mark.parametrize("sslmode", SSL_MODES)
    def test_what_somebody_chose_stays(self, sslmode: str, *, trusting: bool) -> None:
        endpoint = StateEndpoint(HERE.host, HERE.port, HERE.database, HERE.user, sslmode, chosen=True)
        applied = self.make(trusting=trusting).applied(endpoint)
        assert (applied.sslmode, applied.chosen) == (sslmode, True)
        assert (applied.host, applied.port, applied.user) == (HERE.host, HERE.port, HERE.user)
