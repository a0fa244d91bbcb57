"""What a `CredentialStore` has to do."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from attrs import evolve

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.values.state import StateCredentials
from dagctl.ports.credential_store import CredentialStore

DEATH = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
CREDENTIALS = StateCredentials(
    "pg-proxy.example.com", 5432, "org_acme_shop", "acme/shop", "secret-password", expires_at=DEATH
)


class CredentialStoreContract(Contract):
    """The suite."""

    def make(self) -> CredentialStore:
        """An empty store."""
        raise NotImplementedError

    def test_there_are_none_at_first(self) -> None:
        assert self.make().expires_at("acme", "shop") is None

    def test_it_knows_when_they_die(self) -> None:
        store = self.make()
        store.save("acme", "shop", CREDENTIALS)
        assert store.expires_at("acme", "shop") == DEATH

    def test_each_project_has_its_own(self) -> None:
        store, later = self.make(), evolve(CREDENTIALS, expires_at=DEATH + timedelta(hours=1))
        store.save("acme", "shop", CREDENTIALS)
        store.save("acme", "web", later)
        assert store.expires_at("acme", "shop") == DEATH
        assert store.expires_at("acme", "web") == later.expires_at
        assert store.expires_at("globex", "shop") is None

    def test_newer_ones_replace_older_ones(self) -> None:
        store, later = self.make(), evolve(CREDENTIALS, expires_at=DEATH + timedelta(hours=1))
        store.save("acme", "shop", CREDENTIALS)
        store.save("acme", "shop", later)
        assert store.expires_at("acme", "shop") == later.expires_at

    def test_an_expiry_that_is_not_known(self) -> None:
        store = self.make()
        store.save("acme", "shop", evolve(CREDENTIALS, expires_at=None))
        assert store.expires_at("acme", "shop") is None

    def test_clearing_removes_every_projects(self) -> None:
        store = self.make()
        for project in ("shop", "web"):
            store.save("acme", project, CREDENTIALS)
        store.clear()
        store.clear()
        assert [store.expires_at("acme", project) for project in ("shop", "web")] == [None, None]

    def test_a_name_that_looks_like_a_path_is_a_name(self) -> None:
        store = self.make()
        store.save("../acme", "a/b c\\d", CREDENTIALS)
        assert store.expires_at("../acme", "a/b c\\d") == DEATH

    def test_it_shows_no_password(self) -> None:
        store = self.make()
        store.save("acme", "shop", CREDENTIALS)
        assert "secret" not in repr(store)
