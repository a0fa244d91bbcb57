"""What an `AccountShelf` has to do."""

from __future__ import annotations

from abc import abstractmethod

from dagctl.adapters.contracts.base import Contract
from dagctl.adapters.contracts.token_store import TOKENS
from dagctl.domain.values.settings import Settings
from dagctl.ports.storage import AccountShelf

ACME = Settings(current_org="org_acme", current_org_name="Acme", current_project="shop")
GLOBEX = Settings(current_org="org_globex", api_url="https://api.example.com")


class AccountShelfContract(Contract):
    """The suite of an `AccountShelf`. Define `make`, and `again` where a new process can open the same shelf."""

    @abstractmethod
    def make(self) -> AccountShelf:
        """An empty shelf."""

    def again(self, shelf: AccountShelf) -> AccountShelf:
        """Another shelf with the same accounts, as a new process opens it; `shelf` itself where no process can."""
        return shelf

    def test_it_is_empty_at_first(self) -> None:
        shelf = self.make()
        assert shelf.names() == ()
        assert shelf.stores("acme").settings.load() == Settings()
        assert shelf.stores("acme").tokens.load() is None

    def test_each_account_has_stores_of_its_own(self) -> None:
        shelf = self.make()
        for name, settings in (("globex@api.example.com-8443", GLOBEX), ("acme", ACME)):
            shelf.stores(name).settings.save(settings)
        shelf.stores("acme").tokens.save(TOKENS)
        after = self.again(shelf)
        assert after.names() == ("acme", "globex@api.example.com-8443")
        assert after.stores("acme").settings.load() == ACME
        assert after.stores("acme").tokens.load() == TOKENS
        assert after.stores("globex@api.example.com-8443").settings.load() == GLOBEX
        assert after.stores("globex@api.example.com-8443").tokens.load() is None

    def test_what_is_removed_is_gone(self) -> None:
        shelf = self.make()
        shelf.stores("acme").settings.save(ACME)
        shelf.stores("acme").tokens.save(TOKENS)
        shelf.stores("globex").settings.save(GLOBEX)
        shelf.remove("acme")
        shelf.remove("acme")
        after = self.again(shelf)
        assert after.names() == ("globex",)
        assert after.stores("acme").tokens.load() is None

    def test_tokens_without_settings_are_no_account(self) -> None:
        shelf = self.make()
        shelf.stores("acme").tokens.save(TOKENS)
        assert shelf.names() == ()
