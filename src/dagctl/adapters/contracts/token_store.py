"""What a `TokenStore` has to do."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from attrs import evolve

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import FileBusy, FileUnusable
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore

TOKENS = TokenSet(
    "secret-access-token",
    "secret-id-token",
    "secret-refresh-token",
    expires_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    lifetime=timedelta(hours=1),
    extra={"token_type": "Bearer", "expires_in": 3600, "scope": "openid"},
)


class TokenStoreContract(Contract):
    """The suite of a `TokenStore` that can be written.

    Define `make` and `make_impatient`, and `again` where a new process can open the same store.
    """

    @abstractmethod
    def make(self) -> TokenStore:
        """An empty store."""

    @abstractmethod
    def make_impatient(self) -> TokenStore:
        """An empty store that gives up on its lock after a moment."""

    def again(self, store: TokenStore) -> TokenStore:
        """Another store with the same tokens, as a new process opens it; `store` itself where no process can."""
        return store

    def test_nobody_is_signed_in_at_first(self) -> None:
        assert self.make().load() is None

    def test_it_is_writable(self) -> None:
        assert self.make().writable is True

    def test_what_is_saved_is_loaded_whole(self) -> None:
        store = self.make()
        store.save(TOKENS)
        assert self.again(store).load() == TOKENS

    def test_tokens_without_refresh_token_and_expiry(self) -> None:
        store, bare = self.make(), TokenSet("access", "identity")
        store.save(bare)
        assert self.again(store).load() == bare

    def test_a_second_save_replaces_the_first(self) -> None:
        store = self.make()
        store.save(TOKENS)
        store.save(evolve(TOKENS, access_token="another", refresh_token=None, expires_at=None))  # noqa: S106
        found = self.again(store).load()
        assert found is not None
        assert (found.access_token, found.refresh_token, found.expires_at) == (Secret("another"), None, None)

    def test_cleared_tokens_are_gone(self) -> None:
        store = self.make()
        store.save(TOKENS)
        store.clear()
        assert self.again(store).load() is None

    def test_clearing_nothing_is_no_error(self) -> None:
        store = self.make()
        store.clear()
        assert store.load() is None

    def test_a_cleared_store_can_be_used_again(self) -> None:
        store = self.make()
        store.save(TOKENS)
        store.clear()
        store.save(TOKENS)
        assert store.load() == TOKENS

    def test_what_is_saved_where_there_was_room_is_loaded(self) -> None:
        store = self.make()
        for tokens in (TOKENS, evolve(TOKENS, access_token="another" * 500)):
            with store.lock(), store.reserved() as save:
                save(tokens)
            assert self.again(store).load() == tokens

    def test_room_that_is_not_used_changes_nothing(self) -> None:
        store = self.make()
        with store.reserved():
            assert self.again(store).load() is None
        store.save(TOKENS)
        with pytest.raises(ZeroDivisionError), store.reserved():
            raise ZeroDivisionError
        assert self.again(store).load() == TOKENS

    def test_what_is_cleared_while_there_is_room_stays_so(self) -> None:
        store = self.make()
        store.save(TOKENS)
        with store.reserved():
            store.clear()
        assert self.again(store).load() is None

    def test_the_lock_lets_one_in_at_a_time(self) -> None:
        store = self.make()
        store.save(evolve(TOKENS, access_token="0"))  # noqa: S106

        def count(_: int) -> None:
            ours = self.again(store)
            with ours.lock():
                kept = ours.load()
                assert kept is not None
                ours.save(evolve(kept, access_token=str(int(kept.access_token.reveal()) + 1)))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(count, range(16)))
        found = store.load()
        assert found is not None
        assert found.access_token == Secret("16")

    def test_a_lock_that_is_held_is_waited_for_in_vain(self) -> None:
        store = self.make_impatient()
        with store.lock(), pytest.raises(FileBusy), store.lock():
            raise AssertionError("two have the lock")

    def test_the_lock_is_free_after_an_error(self) -> None:
        store = self.make_impatient()
        with pytest.raises(ZeroDivisionError), store.lock():
            raise ZeroDivisionError
        with store.lock():
            assert store.load() is None

    def test_tokens_can_be_read_while_the_lock_is_held(self) -> None:
        store = self.make_impatient()
        store.save(TOKENS)
        with store.lock():
            assert self.again(store).load() == TOKENS

    def test_it_says_where_the_tokens_are_and_not_what_they_are(self) -> None:
        store = self.make()
        store.save(TOKENS)
        assert store.describe()
        assert "secret" not in store.describe() + repr(store) + repr(store.load())


class GivenTokenStoreContract(Contract):
    """The suite of a `TokenStore` whose tokens come from outside and cannot be changed. Define `make`."""

    @abstractmethod
    def make(self) -> TokenStore:
        """A store with the access token `secret-access-token` and the ID token `secret-id-token`."""

    def test_it_holds_what_is_given(self) -> None:
        found = self.make().load()
        assert found is not None
        assert (found.access_token, found.id_token) == (Secret("secret-access-token"), Secret("secret-id-token"))

    def test_it_is_not_writable(self) -> None:
        assert self.make().writable is False

    def test_nothing_can_be_saved_or_removed(self) -> None:
        store = self.make()
        before = store.load()
        with pytest.raises(FileUnusable):
            store.save(TOKENS)
        with pytest.raises(FileUnusable):
            store.clear()
        assert store.load() == before

    def test_it_says_where_the_tokens_are_and_not_what_they_are(self) -> None:
        store = self.make()
        assert store.describe()
        assert "secret" not in store.describe() + repr(store) + repr(store.load())
