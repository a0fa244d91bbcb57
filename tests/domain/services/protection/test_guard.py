"""The guard: it asks once, about the right thing, and what is not known to be allowed is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    EnvironmentProtected,
    FileCorrupt,
    Malformed,
    NoProject,
    NotSignedIn,
    PlatformError,
    ProjectNotFound,
    ProtectionRefused,
    ProtectionUnknown,
    SessionEnded,
    TokenNotAccepted,
    TryLater,
    Unreachable,
)
from dagctl.domain.services.verdicts import Verdicts
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.targets import Targets, Verdict
from dagctl.testing import FixedClock, elsewhere

if TYPE_CHECKING:
    from tests.domain.services.protection.conftest import Guarded


def test_what_the_command_targets_is_asked_about(guarded: Guarded) -> None:
    guarded.service.check(default_environment="dev")
    ((access, project_id, environment),) = guarded.api.asked
    assert (access.api_url, access.organization_id, access.id_token) == (
        "https://api.example.com",
        "org-1",
        guarded.id_token,
    )
    assert (project_id, environment) == ("p-1", "dev")
    assert guarded.commands.defaults == ["dev"]


@pytest.mark.parametrize(
    ("environment", "asked"), [("PROD", "prod"), ("dev-1", "dev_1"), ("prod ", "prod_"), ("", "prod")]
)
def test_a_named_environment_is_asked_about_as_sqlmesh_stores_it(
    environment: str, asked: str, guarded: Guarded
) -> None:
    guarded.service.check(environment)
    assert guarded.api.environments == [asked]
    assert guarded.commands.defaults == []


def test_no_environment_no_question(guarded: Guarded) -> None:
    guarded.commands.found = Targets.none("prod", "sqlmesh format")
    guarded.tokens.trouble = NotSignedIn("nobody is")
    guarded.service.check()
    assert guarded.api.asked == []
    assert guarded.tokens.asked == 0


def test_every_target_has_to_be_allowed(guarded: Guarded) -> None:
    guarded.commands.found = Targets.every("staging", "sqlmesh destroy")
    guarded.api.answer = lambda environment: Verdict(environment == "prod")
    with pytest.raises(EnvironmentProtected, match=r"'staging' of project 'shop'.*sqlmesh destroy"):
        guarded.service.check()
    assert guarded.api.environments == ["prod", "staging"]


def test_a_refusal_says_what_and_who_and_how(guarded: Guarded) -> None:
    guarded.api.answer = Verdict(False, "Only release\x1b[31m managers.\nReally.")
    with pytest.raises(EnvironmentProtected) as refused:
        guarded.service.check("prod")
    assert refused.value.message == (
        "The environment 'prod' of project 'shop' is protected from you: Only release [31m managers. Really."
    )
    error = refused.value
    assert (error.environment, error.project, error.organization) == ("prod", "shop", "Acme")


@pytest.mark.parametrize("value", [None, 1, "true", "false", [], {}, 0, ""])
def test_allowed_is_exactly_true(value: Any, guarded: Guarded) -> None:
    guarded.api.answer = Verdict(value)
    with pytest.raises(EnvironmentProtected):
        guarded.service.check("dev")


FAILURES = [
    Unreachable("No connection to api.example.com.", hint="Is the network up?"),
    CertificateRefused("The certificate of api.example.com is not trusted."),
    TryLater("api.example.com said 500."),
    TokenNotAccepted("api.example.com did not accept the token."),
    Malformed("api.example.com answered nonsense."),
    PlatformError("Something else."),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["answer", "session", "projects"])
def test_what_cannot_be_asked_is_refused(where: str, error: PlatformError, guarded: Guarded) -> None:
    if where == "answer":
        guarded.api.answer = error
    elif where == "session":
        guarded.tokens.trouble = error
    else:
        guarded.record(current_project_id=None)
        guarded.api.api_trouble = error
    with pytest.raises(ProtectionUnknown) as refused:
        guarded.service.check("prod")
    assert "'prod'" in refused.value.message
    assert error.message in refused.value.message
    assert (refused.value.environment, refused.value.cause) == ("prod", error)
    with pytest.raises(ProtectionUnknown):
        guarded.service.ask("prod")


@pytest.mark.parametrize(
    "error",
    [
        NotSignedIn("You are not signed in."),
        SessionEnded("It has ended."),
        FileCorrupt("auth.json is broken."),
    ],
)
def test_without_a_session_nothing_is_let_through(error: DagctlError, guarded: Guarded) -> None:
    guarded.tokens.trouble = error
    with pytest.raises(type(error)):
        guarded.service.check("dev")
    assert guarded.api.asked == []


def test_without_a_project_nothing_is_let_through(guarded: Guarded) -> None:
    guarded.record(current_project=None, current_project_id=None)
    with pytest.raises(NoProject):
        guarded.service.check("dev")
    with pytest.raises(NoProject):
        guarded.service.check("dev", project_id="")
    assert guarded.api.asked == []


def test_an_unknown_project_is_not_let_through(guarded: Guarded) -> None:
    with pytest.raises(ProjectNotFound):
        guarded.service.check("dev", project="shopp")


def test_a_bug_in_an_adapter_lets_nothing_through(guarded: Guarded) -> None:
    guarded.api.answer = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        guarded.service.check("dev")


@pytest.mark.parametrize(
    ("arguments", "project_id"),
    [
        ({}, "p-1"),
        ({"project_id": "p-9"}, "p-9"),
        ({"project": "other"}, "p-2"),
        ({"project": "shop"}, "p-1"),
    ],
)
def test_the_project_that_is_asked_about(arguments: dict[str, str], project_id: str, guarded: Guarded) -> None:
    guarded.api.answer = Verdict(True)  # also about a project that it does not know
    guarded.service.check("dev", **arguments)
    assert [asked for _, asked, _ in guarded.api.asked] == [project_id]


def test_one_question_an_environment_and_process(guarded: Guarded) -> None:
    for environment in ("dev", "Dev", "prod", "dev", "prod"):
        guarded.service.check(environment)
    assert guarded.api.environments == ["dev", "prod"]


def test_another_project_organization_or_platform_is_another_question(guarded: Guarded) -> None:
    guarded.api.answer = Verdict(True)
    guarded.service.check("dev")
    guarded.service.check("dev", project_id="p-2")
    guarded.record(current_org="org-2")
    guarded.service.check("dev")
    guarded.moves(elsewhere("api.example.org"))
    guarded.record(current_org="org-2")
    guarded.service.check("dev")
    assert len(guarded.api.asked) == 4


def test_another_person_is_another_question(guarded: Guarded) -> None:
    guarded.service.check("dev")
    guarded.signs_in("bob@acme.example")
    guarded.service.check("dev")
    assert len(guarded.api.asked) == 2


def test_neither_a_refusal_nor_a_failure_is_remembered(guarded: Guarded) -> None:
    guarded.api.answer = Unreachable("No.")
    with pytest.raises(ProtectionUnknown):
        guarded.service.check("prod")
    guarded.api.answer = Verdict(False)
    for _ in range(2):
        with pytest.raises(EnvironmentProtected):
            guarded.service.check("prod")
    guarded.api.answer = Verdict(True)
    for _ in range(2):
        guarded.service.check("prod")
    assert len(guarded.api.asked) == 4


def test_a_yes_is_good_for_five_minutes(guarded: Guarded) -> None:
    guarded.service.check("dev")
    guarded.clock.advance(299)
    guarded.service.check("dev")
    assert len(guarded.api.asked) == 1
    guarded.clock.advance(1)
    guarded.api.answer = Verdict(False)
    with pytest.raises(EnvironmentProtected):
        guarded.service.check("dev")
    assert len(guarded.api.asked) == 2


def test_asking_now_remembers_nothing(guarded: Guarded) -> None:
    guarded.api.answer = Verdict(False, "No.")
    assert guarded.service.ask("Prod") == Verdict(False, "No.")
    guarded.api.answer = Verdict(True)
    assert guarded.service.ask("prod") == Verdict(True)
    assert guarded.api.environments == ["prod", "prod"]


@pytest.mark.parametrize("answer", [Verdict(True), Verdict(False), Unreachable("No.")])
def test_sixteen_threads_share_one_question(answer: Verdict | Unreachable, guarded: Guarded) -> None:
    asked, together = Event(), Barrier(17)
    guarded.api.answer = answer
    guarded.api.during = lambda: asked.wait(30)

    def check() -> type[BaseException] | None:
        service = guarded.service
        together.wait()
        try:
            service.check("prod")
        except ProtectionRefused as refused:
            return type(refused)
        return None

    with ThreadPoolExecutor(16) as pool:
        results = [pool.submit(check) for _ in range(16)]
        together.wait()
        _until_all_wait(guarded)
        asked.set()
        kinds = {result.result() for result in results}
    assert len(guarded.api.asked) == 1
    assert kinds == {
        None if answer == Verdict(True) else EnvironmentProtected if answer == Verdict(False) else ProtectionUnknown
    }


def _until_all_wait(guarded: Guarded) -> None:
    """Each caller reads its token once, before it comes to ask."""
    for _ in range(3000):
        if guarded.tokens.asked >= 16:
            return
        Event().wait(0.01)
    raise AssertionError("the threads did not get that far")


def test_an_interrupted_question_is_no_answer(guarded: Guarded) -> None:
    guarded.api.answer = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        guarded.service.check("prod")
    guarded.api.answer = Verdict(False)
    with pytest.raises(EnvironmentProtected):
        guarded.service.check("prod")


def test_a_forked_child_begins_with_nothing() -> None:
    process = [1]
    verdicts = Verdicts(lambda: process[0], FixedClock())
    asked = []

    def ask() -> Verdict:
        asked.append(process[0])
        return Verdict(True)

    verdicts.get("prod", ask)
    verdicts._lock.acquire()  # as a thread of the parent may, in the moment of the fork
    process[0] = 2
    verdicts.get("prod", ask)
    verdicts.get("prod", ask)
    assert asked == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_real_fork() -> None:
    program = """
import os
from dagctl.domain.values.targets import Verdict
from dagctl.domain.services.verdicts import Verdicts
from dagctl.adapters.system.clock import SystemClock

def ask():
    os.write(1, b"asked\\n")
    return Verdict(True)

verdicts = Verdicts(os.getpid, SystemClock())
verdicts.get("prod", ask)
child = os.fork()
verdicts.get("prod", ask)
if child:
    raise SystemExit(os.waitpid(child, 0)[1])
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (output.returncode, output.stdout, output.stderr) == (0, "asked\n" * 2, "")


def test_the_settings_that_nobody_recorded_need_no_guard_of_their_own(guarded: Guarded) -> None:
    guarded.moves(Platform())
    guarded.storage.current.settings.save(Settings())
    with pytest.raises(NoProject):
        guarded.service.check("dev")


def test_a_wrong_clock_is_named_and_lets_nothing_through(guarded: Guarded) -> None:
    guarded.api.answer = TokenNotAccepted("The API does not accept your token.")
    with pytest.raises(ProtectionUnknown, match="does not accept your token"):
        guarded.service.check("dev")
    guarded.clock.advance(600)
    with pytest.raises(ProtectionUnknown, match="This machine's clock is 10 min 0 s ahead of that of"):
        guarded.service.check("dev")
