"""What a `SettingsStore` has to do."""

from __future__ import annotations

from abc import abstractmethod

import pytest
from attrs import evolve, fields

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.values.settings import Settings
from dagctl.ports.settings_store import SettingsStore

SETTINGS = Settings(
    current_org="org_1",
    current_org_name="Größe & Söhne: #1",
    current_project="no",
    current_project_id="0123",
    api_url="https://api.example.com",
    auth0_domain="issuer.example.com:8443",
    auth0_client_id="1e3",
    pg_proxy_host="pg-proxy.example.com",
    pg_proxy_port=6432,
    pg_proxy_sslmode="verify-full",
)


class SettingsStoreContract(Contract):
    """The suite of a `SettingsStore`. Define `make`, and `again` where a new process can open the same store."""

    @abstractmethod
    def make(self) -> SettingsStore:
        """An empty store."""

    def again(self, store: SettingsStore) -> SettingsStore:
        """Another store with the same settings, as a new process opens it; `store` itself where no process can."""
        return store

    def test_nothing_is_recorded_at_first(self) -> None:
        assert self.make().load() == Settings()

    def test_what_is_saved_is_loaded(self) -> None:
        store = self.make()
        store.save(SETTINGS)
        assert self.again(store).load() == SETTINGS

    @pytest.mark.parametrize("name", [attribute.name for attribute in fields(Settings)])
    def test_each_setting_can_be_removed(self, name: str) -> None:
        store, fewer = self.make(), evolve(SETTINGS, **{name: None})
        store.save(SETTINGS)
        store.save(fewer)
        assert self.again(store).load() == fewer

    @pytest.mark.parametrize("name", ["true", "null", "~", "1.0", "2030-01-01", "a: b", "- x", "'", '"', "{}", " x "])
    def test_names_stay_strings(self, name: str) -> None:
        store, settings = self.make(), Settings(current_org_name=name, current_project=name)
        store.save(settings)
        assert self.again(store).load() == settings

    def test_saving_what_was_loaded_changes_nothing(self) -> None:
        store = self.make()
        store.save(SETTINGS)
        store.save(store.load())
        assert self.again(store).load() == SETTINGS

    def test_it_says_where_the_settings_are(self) -> None:
        assert self.make().describe()
