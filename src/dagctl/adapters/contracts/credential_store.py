"""What a `CredentialStore` has to do."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta, timezone

from attrs import evolve

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.ports.credential_store import CredentialStore

DEATH = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
CREDENTIALS = StateCredentials(
    StateEndpoint("pg-proxy.example.com", 5432, "org_acme_shop", "acme/shop"), "secret-password", expires_at=DEATH
)


class CredentialStoreContract(Contract):
    """The suite of a `CredentialStore`. Define `make` and `expiry`."""

    @abstractmethod
    def make(self) -> CredentialStore:
        """An empty store."""

    @abstractmethod
    def expiry(self, store: CredentialStore, org: str, project: str) -> datetime | None:
        """When the credentials that other tools find there expire; None if they find none, or no expiry."""

    def test_there_are_none_at_first(self) -> None:
        assert self.expiry(self.make(), "acme", "shop") is None

    def test_it_knows_when_they_die(self) -> None:
        store = self.make()
        store.save("acme", "shop", CREDENTIALS)
        assert self.expiry(store, "acme", "shop") == DEATH

    def test_each_project_has_its_own(self) -> None:
        store, later = self.make(), evolve(CREDENTIALS, expires_at=DEATH + timedelta(hours=1))
        store.save("acme", "shop", CREDENTIALS)
        store.save("acme", "web", later)
        assert self.expiry(store, "acme", "shop") == DEATH
        assert self.expiry(store, "acme", "web") == later.expires_at
        assert self.expiry(store, "globex", "shop") is None

    def test_newer_ones_replace_older_ones(self) -> None:
        store, later = self.make(), evolve(CREDENTIALS, expires_at=DEATH + timedelta(hours=1))
        store.save("acme", "shop", CREDENTIALS)
        store.save("acme", "shop", later)
        assert self.expiry(store, "acme", "shop") == later.expires_at

    def test_an_expiry_that_is_not_known(self) -> None:
        store = self.make()
        store.save("acme", "shop", evolve(CREDENTIALS, expires_at=None))
        assert self.expiry(store, "acme", "shop") is None

    def test_clearing_removes_every_projects(self) -> None:
        store = self.make()
        for project in ("shop", "web"):
            store.save("acme", project, CREDENTIALS)
        store.clear()
        store.clear()
        assert [self.expiry(store, "acme", project) for project in ("shop", "web")] == [None, None]

    def test_a_name_that_looks_like_a_path_is_a_name(self) -> None:
        store = self.make()
        store.save("../acme", "a/b c\\d", CREDENTIALS)
        assert self.expiry(store, "../acme", "a/b c\\d") == DEATH

    def test_names_that_look_alike_together_have_their_own(self) -> None:
        store = self.make()
        pairs = [("a_b", "c"), ("a", "b_c"), ("a/b", "c"), ("a", "b/c"), (".a", "b"), ("\U00020000" * 60, "c" * 60)]
        pairs.append((pairs[-1][0], "c" * 61))
        for hours, (org, project) in enumerate(pairs):
            store.save(org, project, evolve(CREDENTIALS, expires_at=DEATH + timedelta(hours=hours)))
        found = [self.expiry(store, org, project) for org, project in pairs]
        assert found == [DEATH + timedelta(hours=hours) for hours in range(len(pairs))]

    def test_it_shows_no_password(self) -> None:
        store = self.make()
        store.save("acme", "shop", CREDENTIALS)
        assert "secret" not in repr(store)
