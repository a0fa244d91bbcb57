"""A platform that breaks one rule fails the suite: the contract has teeth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

import pytest
from attrs import evolve

from dagctl.adapters.contracts.base import Contract
from dagctl.adapters.contracts.platform import Stage
from dagctl.adapters.platform_model.grants import Granted, Grants, hashed
from dagctl.adapters.platform_model.refusals import OAuthError
from dagctl.domain.errors import TokenRejected
from dagctl.domain.values import document
from dagctl.domain.values.platform import Organization
from dagctl.domain.values.state import StateEndpoint
from dagctl.domain.values.targets import PRODUCTION, Targets, Verdict
from dagctl.ports.command_line import CommandLine
from dagctl.ports.machine import FileSeen, Machine, VariableSeen
from dagctl.ports.sqlmesh_project import Comparison, SqlmeshProject
from dagctl.ports.state_probe import ProxyTrust
from dagctl.ports.yaml_reader import YamlReader
from dagctl.testing import (
    CommandLineContract,
    MachineContract,
    MemoryPlatform,
    PlatformContract,
    ProxyTrustContract,
    SqlmeshProjectContract,
    YamlReaderContract,
    elsewhere,
)


class Suite(PlatformContract):
    """The suite over a platform of the test's own. (Its name keeps pytest from collecting it.)"""

    def __init__(self, platform: MemoryPlatform) -> None:
        self.platform = platform

    def make(self) -> Stage:
        platform = self.platform
        acme = platform.tenants[0]
        return Stage(
            place=platform.place,
            api=platform,
            identity=platform,
            clock=platform.clock,
            redirect_uri=platform.redirect_uris[0],
            authorize=platform.authorize,
            finish_device=platform.finish_device,
            organization=acme.organization,
            projects=acme.projects,
            protected=("prj_shop", "prod"),
            open=("prj_shop", "dev"),
            unguarded="prj_web",
        )


def no_pkce(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagctl.adapters.platform_model.grants.hmac.compare_digest", lambda *_: True)


def any_redirect_uri(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    redeem = Grants.redeem_code

    def lenient(self: Grants, form: Mapping[str, str], now: float) -> Granted:
        return redeem(self, {**form, "redirect_uri": "http://localhost:8080/callback"}, now)

    monkeypatch.setattr(Grants, "redeem_code", lenient)


def codes_for_ever(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    redeem = Grants.redeem_code

    def forgetful(self: Grants, form: Mapping[str, str], now: float) -> Granted:
        found = redeem(self, form, now)
        self._codes[form["code"]].family = None
        return found

    monkeypatch.setattr(Grants, "redeem_code", forgetful)


def reuse_is_forgiven(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    redeem = Grants.redeem_refresh

    def forgiving(self: Grants, token: str, *, rotate: bool) -> Granted:
        granted = redeem(self, token, rotate=rotate)
        granted.family.spent.clear()
        self.families.append(evolve(granted.family, current=hashed(token)))
        return granted

    monkeypatch.setattr(Grants, "redeem_refresh", forgiving)


def revocation_is_ignored(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "revoke", lambda *_: None)


def any_bearer(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_bearer", lambda token: platform.people[0])


def any_organization(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "member", lambda token, organization: (platform._bearer(token), platform.tenants[0]))


def anybodys_status(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "organization", lambda *_: Organization("org_acme", "Acme"))


def a_canned_yes(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "protection", lambda *_: Verdict(True))


def no_nonce(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.id_claims = {"nonce": None}


def impatient_devices(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.device_interval = -1


def any_audience(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_check_target", lambda request: None)


def devices_only_expire(platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    redeem = Grants.redeem_device

    def vague(self: Grants, code: str, now: float) -> Granted:
        if code not in self._devices:
            raise OAuthError("expired_token", "Unknown, or expired.")
        return redeem(self, code, now)

    monkeypatch.setattr(Grants, "redeem_device", vague)


BROKEN = [
    (no_pkce, "test_a_code_without_its_verifier_is_worth_nothing"),
    (any_redirect_uri, "test_a_code_goes_to_the_redirect_uri_of_its_request"),
    (codes_for_ever, "test_a_code_that_is_used_twice_ends_its_sign_in"),
    (reuse_is_forgiven, "test_a_spent_refresh_token_ends_its_sign_in"),
    (revocation_is_ignored, "test_a_revoked_sign_in_is_over"),
    (any_bearer, "test_the_api_takes_no_other_token"),
    (any_organization, "test_the_api_tells_nothing_about_other_organizations_and_people"),
    (anybodys_status, "test_the_api_tells_nothing_about_other_organizations_and_people"),
    (a_canned_yes, "test_a_protected_environment_is_closed"),
    (a_canned_yes, "test_a_project_of_nobody_is_not_open"),
    (no_nonce, "test_a_code_is_worth_tokens"),
    (impatient_devices, "test_a_device_waits_for_its_person"),
    (any_audience, "test_a_device_asks_for_the_api"),
    (devices_only_expire, "test_an_unknown_device_is_refused"),
    (devices_only_expire, "test_a_device_gets_its_tokens_once"),
]


@pytest.mark.parametrize(("break_rule", "test"), BROKEN)
def test_a_broken_rule_is_found(
    break_rule: Callable[[MemoryPlatform, pytest.MonkeyPatch], None], test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = MemoryPlatform(elsewhere())
    getattr(Suite(platform), test)()
    break_rule(platform, monkeypatch)
    with pytest.raises((AssertionError, TokenRejected, pytest.fail.Exception)):
        getattr(Suite(platform), test)()


def test_a_request_that_nobody_checks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = MemoryPlatform(elsewhere())
    any_audience(platform, monkeypatch)
    suite, changes = Suite(platform), {"audience": "https://elsewhere.example"}
    with pytest.raises(AssertionError):
        suite.test_a_request_that_is_not_in_order_gets_no_code(changes, "invalid_request")


class DeafCommandLine(CommandLine):
    def targets(self, default: str | None = None) -> Targets:
        return Targets.exactly(["Dev-Me"], PRODUCTION, "")


class BlindMachine(Machine):
    def home(self) -> str:
        return "/home/.dagctl"

    def files(self) -> tuple[FileSeen, ...]:
        return (FileSeen("/home/.dagctl/auth.json", mode=0o640), FileSeen("/home/.dagctl/config.yaml", mode=0o640))

    def variables(self) -> tuple[VariableSeen, ...]:
        return tuple(map(VariableSeen, ("SSL_CERT_FILE", "DAGCTL_PROJECT", "DAGCTL_ORG")))


class LaxTrust(ProxyTrust):
    def applied(self, endpoint: StateEndpoint) -> StateEndpoint:
        return evolve(endpoint, sslmode="prefer")

    def tried(self, endpoint: StateEndpoint) -> StateEndpoint:
        return evolve(endpoint, sslmode="allow")


class CannedSqlmesh(SqlmeshProject):
    def check_jinja(self, text: str, name: str) -> None:
        """Nobody looks."""

    def compare(self, source: PurePath, python: str) -> Comparison:
        return Comparison()

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        return ("Beware.",)


class NaiveReader(YamlReader):
    def read(self, text: str, name: str) -> document.YamlDocument:
        return document.YamlDocument("", document.MappingValue())


BROKEN_ADAPTERS: list[tuple[type[Contract], object, str, tuple[object, ...]]] = [
    (CommandLineContract, DeafCommandLine(), "test_an_environment_has_the_name_that_sqlmesh_stores", ()),
    (CommandLineContract, DeafCommandLine(), "test_a_command_that_names_none_is_asked_about_the_default", ("a", "a")),
    (CommandLineContract, DeafCommandLine(), "test_a_command_that_changes_none_is_asked_about_none", ()),
    (CommandLineContract, DeafCommandLine(), "test_a_program_chooses_later", (None, ())),
    (MachineContract, BlindMachine(), "test_a_home_that_is_not_there_holds_nothing", ()),
    (MachineContract, BlindMachine(), "test_the_home_comes_first_and_each_file_below_it", ()),
    (MachineContract, BlindMachine(), "test_tokens_are_secret_and_what_others_can_read_is_exposed", ()),
    (MachineContract, BlindMachine(), "test_variables_are_named_in_order_where_they_are_set", ()),
    (ProxyTrustContract, LaxTrust(), "test_who_trusts_nobody_verifies_nobody", ()),
    (ProxyTrustContract, LaxTrust(), "test_nothing_on_this_machine_is_tried", ()),
    (ProxyTrustContract, LaxTrust(), "test_a_ca_is_put_to_use_where_nobody_chose", ()),
    (SqlmeshProjectContract, CannedSqlmesh(), "test_jinja_is_parsed_and_not_rendered", ()),
    (SqlmeshProjectContract, CannedSqlmesh(), "test_what_says_something_else_differs", ()),
    (SqlmeshProjectContract, CannedSqlmesh(), "test_what_sqlmesh_refuses_is_no_difference", ()),
    (SqlmeshProjectContract, CannedSqlmesh(), "test_nothing_gets_in_the_way_of_an_empty_folder", ()),
    (YamlReaderContract, NaiveReader(), "test_a_scalar_is_what_yaml_1_2_makes_of_it", ("1", 1)),
    (YamlReaderContract, NaiveReader(), "test_jinja_in_a_scalar_stays_live", ()),
    (YamlReaderContract, NaiveReader(), "test_jinja_around_structure_leaves_only_the_text", ()),
    (YamlReaderContract, NaiveReader(), "test_what_is_no_configuration_is_refused_by_name", ("a: [",)),
]


@pytest.mark.parametrize(("suite", "adapter", "test", "given"), BROKEN_ADAPTERS)
def test_an_adapter_that_does_not_keep_its_word_is_found(
    suite: type[Contract],
    adapter: object,
    test: str,
    given: tuple[object, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suite, "make", lambda self, *_, **__: adapter)
    tested = suite()
    tested.folder = tmp_path
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(tested, test)(*given)


def test_a_trust_that_changes_what_was_chosen_is_found() -> None:
    class Suite(ProxyTrustContract):
        def make(self, *, trusting: bool) -> LaxTrust:
            return LaxTrust()

    with pytest.raises(AssertionError):
        Suite().test_what_somebody_chose_stays("verify-full", trusting=True)
