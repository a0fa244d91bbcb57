"""Several organizations signed in at once, one of them the current one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve
from tests.domain.conftest import World

from dagctl.domain.errors import AccountNotFound, FileCorrupt
from dagctl.domain.services.accounts import AccountService
from dagctl.domain.values.account import account_name
from dagctl.domain.values.context import Origin, Overrides, Sourced
from dagctl.domain.values.platform import HOSTED_API_URL
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet, claims_of
from dagctl.ports.storage import AccountShelf, Storage, Stores
from dagctl.testing import MemoryTokenStore

ADA, GLOBEX = "ada@acme.example", "hank@globex.example"


@pytest.fixture
def both(signed_in: World) -> World:
    """Ada of Acme has chosen a project, then somebody has signed in to Globex."""
    signed_in.projects.choose("shop")
    signed_in.login("Globex", email=_of_globex(signed_in))
    return signed_in


def _of_globex(world: World) -> str:
    return str(next(person.email for person in world.platform.people if person.organization_id == "org_globex"))


def listed(world: World) -> list[tuple[str, bool, bool]]:
    return [(account.name, account.current, account.signed_in) for account in world.accounts.list()]


def test_one_sign_in_is_one_account(signed_in: World) -> None:
    (account,) = signed_in.accounts.list()
    assert (account.name, account.organization, account.organization_id) == ("acme", "Acme", "org_acme")
    assert (account.api_url, account.project, account.current) == (HOSTED_API_URL, None, True)
    assert account.expires_at == signed_in.kept().expires_at


def test_nobody_is_signed_in(world: World) -> None:
    assert world.accounts.list() == ()
    with pytest.raises(AccountNotFound) as caught:
        world.accounts.switch("acme")
    assert (caught.value.account, caught.value.known) == ("acme", ())


def test_a_sign_in_to_another_organization_keeps_the_first(both: World) -> None:
    assert listed(both) == [("globex", True, True), ("acme", False, True)]
    assert both.settings.load().current_project is None
    assert both.platform.revoked_families == ()


@pytest.mark.parametrize("called", ["acme", "Acme", "ACME", "org_acme"])
def test_going_back(both: World, called: str) -> None:
    used = both.accounts.switch(called)
    assert (used.name, used.project, used.current) == ("acme", "shop", True)
    assert listed(both) == [("acme", True, True), ("globex", False, True)]
    assert both.settings.load().current_project_id == "prj_shop"
    assert [project.name for project in both.projects.list()] == ["shop", "web-analytics"]


def test_tokens_are_moved_and_not_copied(both: World) -> None:
    globex = both.kept()
    both.accounts.switch("acme")
    assert both.shelf.names() == ("globex",)
    assert both.shelf.stores("globex").tokens.load() == globex
    assert both.kept() != globex


def test_a_kept_account_renews_its_own_tokens(both: World) -> None:
    both.clock.advance(7200)
    both.accounts.switch("acme")
    both.session.fresh()
    both.accounts.switch("globex")
    both.session.fresh()
    assert both.platform.refreshes == 2
    assert both.platform.revoked_families == ()


def test_the_current_account_is_used_already(both: World) -> None:
    before = both.recorded()
    assert both.accounts.switch("globex").current
    assert both.recorded() == before


def test_credentials_are_not_left_to_the_next_organization(both: World) -> None:
    both.accounts.switch("acme")
    both.state.credentials()
    assert both.kept_credentials
    both.accounts.switch("globex")
    assert not both.kept_credentials


def test_signing_in_again_replaces_what_was_kept(both: World) -> None:
    both.login("Acme")
    assert listed(both) == [("acme", True, True), ("globex", False, True)]


def test_signing_out_of_another_account_revokes_its_session(both: World) -> None:
    assert both.accounts.sign_out("acme") is True
    assert listed(both) == [("globex", True, True)]
    assert len(both.platform.revoked_families) == 1


def test_signing_out_of_the_current_account_by_its_name_leaves_the_other(both: World) -> None:
    assert both.accounts.sign_out("Globex") is True
    assert both.tokens.load() is None
    assert listed(both) == [("acme", False, True)]
    assert len(both.platform.revoked_families) == 1


def test_signing_out_everywhere(both: World) -> None:
    assert both.accounts.sign_out_everywhere() is True
    assert listed(both) == []
    assert (both.tokens.load(), both.shelf.names()) == (None, ())
    assert len(both.platform.revoked_families) == 2


def test_an_unknown_name_names_those_that_are_known(both: World) -> None:
    for attempt in (both.accounts.switch, both.accounts.sign_out):
        with pytest.raises(AccountNotFound, match="no account 'initech'") as caught:
            attempt("initech")
        assert (caught.value.account, caught.value.known) == ("initech", ("globex", "acme"))


def test_one_organization_on_two_platforms(make_world: type[World], signed_in: World) -> None:
    kept = signed_in.shelf.stores("x")
    kept.settings.save(evolve(signed_in.settings.load(), api_url="https://api.dev.example:8443"))
    kept.tokens.save(signed_in.kept())
    with pytest.raises(AccountNotFound, match="several accounts") as caught:
        signed_in.accounts.switch("Acme")
    assert caught.value.known == ("acme", "x")
    assert signed_in.accounts.switch("x").api_url == "https://api.dev.example:8443"
    assert listed(signed_in) == [("acme@api.dev.example-8443", True, True), ("acme", False, True)]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(current_org="org_1", current_org_name="Acme & Söhne GmbH"), "acme-söhne-gmbh"),
        (Settings(current_org="org_1", current_org_name="../../etc"), "etc"),
        (Settings(current_org="org_1", current_org_name="///"), "org_1"),
        (Settings(current_org="..", current_org_name=".."), "account"),
        (Settings(current_org="org_1"), "org_1"),
    ],
)
def test_names(signed_in: World, settings: Settings, name: str) -> None:
    signed_in.settings.save(settings)
    assert signed_in.accounts.list()[0].name == name


def test_names_that_would_clash_are_numbered(signed_in: World) -> None:
    for number in (1, 2, 3):
        signed_in.tokens.save(TokenSet("a", "i"))
        signed_in.settings.save(Settings(current_org=f"org_{number}", current_org_name="Acme!"))
        with signed_in.accounts.put_aside():
            pass
    assert signed_in.shelf.names() == ("acme", "acme-2", "acme-3")


def test_somebody_who_is_signed_out_is_not_kept(signed_in: World) -> None:
    signed_in.session.end()
    with signed_in.accounts.put_aside():
        pass
    assert signed_in.shelf.names() == ()


def test_corrupt_tokens_are_neither_kept_for_later_nor_removed(signed_in: World) -> None:
    signed_in.tokens = _Corrupt()
    with signed_in.accounts.put_aside():
        pass
    assert not signed_in.tokens.cleared


@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        (Overrides(), "here"),
        (Overrides(organization=Sourced("globex", Origin.VARIABLE, "DAGCTL_ORG")), "here"),
        (Overrides(organization=Sourced("Acme", Origin.VARIABLE, "DAGCTL_ORG")), "acme"),
        (
            Overrides(
                organization=Sourced("org_acme", Origin.VARIABLE, "DAGCTL_ORG"),
                api_url=Sourced(HOSTED_API_URL, Origin.VARIABLE, "x"),
            ),
            "acme",
        ),
        (
            Overrides(
                organization=Sourced("Acme", Origin.VARIABLE, "x"),
                api_url=Sourced("https://api.other.example", Origin.VARIABLE, "x"),
            ),
            "here",
        ),
        (Overrides(organization=Sourced("initech", Origin.VARIABLE, "DAGCTL_ORG")), "here"),
        (Overrides(organization=Sourced("Acme", Origin.VARIABLE, "DAGCTL_ORG"), given_session=True), "here"),
    ],
)
def test_the_surroundings_choose_without_changing_anything(both: World, overrides: Overrides, place: str) -> None:
    before = both.recorded()
    expected = both.accounts.storage.current if place == "here" else both.shelf.stores(place)
    both.overrides = overrides
    assert both.context.meant().stores == expected
    assert both.recorded() == before


def test_an_account_whose_session_has_ended_can_still_be_gone_back_to(both: World) -> None:
    kept = both.shelf.stores("acme").tokens
    kept.save(evolve(_kept_of(both.shelf, "acme"), refresh_token=None))
    both.clock.advance(7200)
    used = both.accounts.switch("acme")
    assert (used.current, used.signed_in) == (True, False)
    assert both.settings.load().current_org == "org_acme"


def test_what_cannot_be_read_is_told_by_whoever_uses_it(both: World) -> None:
    both.tokens = MemoryTokenStore(trouble=FileCorrupt("auth.json cannot be used."))
    both.overrides = Overrides(organization=Sourced("Acme", Origin.VARIABLE, "DAGCTL_ORG"))
    assert both.context.meant().stores == both.accounts.storage.current


class _Corrupt(MemoryTokenStore):
    cleared = False

    def load(self) -> TokenSet | None:
        raise FileCorrupt("auth.json cannot be used.")

    def clear(self) -> None:
        self.cleared = True


class Killed(BaseException):
    """Somebody has killed the process."""


class _Mortal:
    """Stands for a store or a shelf; each change that it makes may be the process's last, before or after it."""

    def __init__(self, real: Any, step: Callable[[], None]) -> None:
        self._real = real
        self._step = step

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if name not in ("save", "clear", "remove"):
            return value

        def change(*arguments: object) -> None:
            self._step()
            value(*arguments)
            self._step()

        return change

    def stores(self, name: str) -> Stores:
        return _mortal(self._real.stores(name), self._step)


def _mortal(stores: Stores, step: Callable[[], None]) -> Stores:
    wrapped: list[Any] = [_Mortal(store, step) for store in (stores.settings, stores.tokens, stores.credentials)]
    return Stores(*wrapped)


def _dying_at(number: int) -> Callable[[], None]:
    left: Iterator[int] = iter(range(number))

    def step() -> None:
        if next(left, None) is None:
            raise Killed

    return step


@pytest.mark.parametrize("number", range(18))
def test_whoever_is_killed_loses_no_session_and_mixes_none(both: World, number: int) -> None:
    subjects = {"org_acme": None, "org_globex": claims_of(both.kept().id_token)["sub"]}
    subjects["org_acme"] = claims_of(_kept_of(both.shelf, "acme").id_token)["sub"]
    service = both.accounts
    mortal: Any = _Mortal(both.shelf, _dying_at(number))
    step = mortal._step
    dying = AccountService(Storage(_mortal(service.storage.current, step), mortal), service.sessions)
    with suppress(Killed):
        dying.switch("acme")

    here, tokens = both.settings.load(), both.tokens.load()
    assert tokens is None or claims_of(tokens.id_token)["sub"] == subjects[here.current_org or ""]
    assert {account.organization_id for account in both.accounts.list() if account.signed_in} == set(subjects)
    for name in ("globex", "acme", "globex"):
        assert both.accounts.switch(name).signed_in
        both.clock.advance(3600)
        both.session.fresh()
    assert sorted(listed(both)) == [("acme", False, True), ("globex", True, True)]
    assert both.platform.revoked_families == ()


def test_that_the_killing_reaches_the_end(both: World) -> None:
    service = both.accounts
    count = [0]

    def step() -> None:
        count[0] += 1

    mortal: Any = _Mortal(both.shelf, step)
    AccountService(Storage(_mortal(service.storage.current, step), mortal), service.sessions).switch("acme")
    assert 10 < count[0] <= 18


def _kept_of(shelf: AccountShelf, name: str) -> TokenSet:
    tokens = shelf.stores(name).tokens.load()
    assert tokens is not None
    return tokens


def test_a_name_of_four_bytes_a_character_is_a_folders_too() -> None:
    long = "\U00020000" * 60
    name = account_name(Settings(current_org=long, api_url=f"https://{'x' * 200}.example"))
    assert len(f"{name}-99".encode()) < 200
