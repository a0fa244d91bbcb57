"""What is said to do about each error."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.reference import COMMANDS as EVERY

from dagctl import _cures
from dagctl.cli import cures, doctor_cures
from dagctl.domain import errors
from dagctl.domain.doctor.chain import Advice, Finding
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.platform import HOSTED_API_URL
from dagctl.domain.values.text import quoted
from dagctl.ports.machine import FileSeen

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if found.__module__ == errors.__name__]
LOCAL = "https://localhost:18443"
GIVEN = "DAGCTL_ACCESS_TOKEN and DAGCTL_ID_TOKEN"
PG = {"host": "pg:5432", "database": "org_acme_shop"}


def test_every_class_has_a_row_of_its_own() -> None:
    assert set(_cures.CURES) == set(CLASSES)


CASES: list[tuple[DagctlError, str | None]] = [
    (DagctlError("m"), None),
    (errors.NotSignedIn("m"), "Run: dagctl auth login --org ORG"),
    (errors.NotSignedIn("m", organization="acme", api_url=HOSTED_API_URL), "Run: dagctl auth login --org acme"),
    (errors.NotSignedIn("m", given_by=GIVEN), f"Set {GIVEN} to valid tokens."),
    (
        errors.NotSignedIn("m", organization="acme", onboarded=False),
        "Finish the onboarding in the web UI, then run: dagctl auth login --org acme",
    ),
    (
        errors.SessionEnded("m", organization="acme", api_url=LOCAL),
        "Run: dagctl auth login --org acme --api-url https://localhost:18443",
    ),
    (errors.SessionEnded("m", organization="Acme; rm -rf"), "Run: dagctl auth login --org 'Acme; rm -rf'"),
    (errors.SignInFailed("m"), "Start the sign-in again."),
    (errors.SignInFailed("m", code="teapot"), None),
    (
        errors.SignInFailed("m", code="access_denied"),
        "If you did not refuse it yourself, ask the platform's operator for access.",
    ),
    (
        errors.SignInFailed("m", code="login_required"),
        "Start the sign-in again, and finish the steps on the page.",
    ),
    (errors.SignInFailed("m", code="server_error"), "Try again in a few minutes."),
    (errors.SignInTimedOut("m", timeout=300.0), "Start the sign-in again, and allow more time."),
    (errors.SignInCancelled("m"), None),
    (errors.SignInTimedOut("m"), "Start the sign-in again, and use its new code."),
    (errors.DeviceGrantRefused("m"), "Sign in through a browser instead."),
    (errors.TokenRejected("m"), "Sign in again. If that does not help, tell the platform's operator."),
    (errors.TokenOutOfTime("m"), "Check this machine's clock: dagctl doctor compares it with the API's."),
    (
        errors.OrganizationRefused("m", wanted="acme", api_url=LOCAL),
        f"Finish the onboarding in the web UI, then run: dagctl auth login --org acme --api-url {LOCAL}",
    ),
    (
        errors.OrganizationRefused("m", wanted="acme", organization="Globex & Co"),
        "The next sign-in asks which account to use; if the browser does not ask, use a private window. "
        "Or run: dagctl auth login --org 'Globex & Co'",
    ),
    (errors.ProtectionRefused("m"), None),
    (
        errors.EnvironmentProtected("m", environment="prod", organization="Acme"),
        "Deploy to it the way your team does (usually: merge, and let CI deploy), or ask an administrator of Acme for "
        "access. For your own work, use another environment.",
    ),
    (
        errors.ProtectionUnknown("m", environment="prod", project="my shop"),
        "Nothing was changed. To ask again: dagctl protection check prod --project 'my shop'",
    ),
    (errors.ProtectionUnknown("m"), "Nothing was changed. Try again."),
    (
        errors.ProtectionUnknown("m", environment="prod", cause=errors.Unreachable("m", proxied=True)),
        "Check HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT if the proxy needs a login), ALL_PROXY and NO_PROXY.",
    ),
    (
        errors.ProtectionUnknown("m", environment="prod", cause=errors.Malformed("m")),
        "Nothing was changed. To ask again: dagctl protection check prod",
    ),
    (errors.ProtectionUnknown("m", outdated=True), "Upgrade dagctl: pip install --upgrade dagctl"),
    (errors.PlatformError("m"), None),
    (errors.Unreachable("m", lost=True), "Run it again: SQLMesh continues from what it has recorded."),
    (errors.Unreachable("m", host="api"), "Check the network and the address, then try again."),
    (
        errors.Unreachable("m", **PG),
        "Check that the network is up and that you can reach the port. dagctl config current shows where the "
        "address comes from.",
    ),
    (
        errors.CertificateRefused("m", why="certificate has expired"),
        "Check this machine's clock. If it is right, ask the server's operator to renew the certificate.",
    ),
    (
        errors.CertificateRefused("m", why="Hostname mismatch"),
        "Check the URL: the certificate is for another host name.",
    ),
    (
        errors.CertificateRefused("m", why="self-signed certificate"),
        "If the certificate comes from your company's own CA, set SSL_CERT_FILE to that CA's PEM file.",
    ),
    (
        errors.CertificateRefused("m", why="no CA certificates"),
        "Install the ca-certificates package or certifi, or set SSL_CERT_FILE to a PEM file of CA certificates.",
    ),
    (errors.CertificateRefused("m", ca_file="/a b.pem"), "Point it to a PEM file of CA certificates."),
    (
        errors.CertificateRefused("m", sslmode="verify-full", **PG),
        "Check that this is the state database's proxy. dagctl config current shows where the address comes from. "
        "DAGCTL_STATE_SSLMODE (now verify-full) requires TLS.",
    ),
    (
        errors.CertificateRefused("m", sslmode="disable", why="the proxy takes TLS connections only", **PG),
        "Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode (now disable), or set verify-full.",
    ),
    (
        errors.CertificateRefused("m", sslmode="verify-full", why="certificate verify failed", **PG),
        "Set DAGCTL_STATE_SSLROOTCERT or SSL_CERT_FILE to the PEM file of the platform's CA, or change "
        "DAGCTL_STATE_SSLMODE (now verify-full).",
    ),
    (errors.Refused("m"), None),
    (errors.Refused("m", code="server_error"), "Try again in a few minutes."),
    (
        errors.Refused("m", **PG),
        "Try again in a moment. dagctl doctor checks each link to the state database.",
    ),
    (
        errors.TokenNotAccepted("m", organization="acme", api_url=LOCAL),
        f"Run: dagctl auth login --org acme --api-url {LOCAL}",
    ),
    (errors.NotFound("m"), None),
    (
        errors.NotFound("m", **PG),
        "Check the project: dagctl config current shows it; dagctl projects and the web UI list them all.",
    ),
    (errors.TryLater("m"), "Try again in a few minutes."),
    (errors.TryLater("m", retry_after=7.0), "Try again in 7 seconds."),
    (errors.TryLater("m", **PG), "Try again in a moment, or use fewer concurrent_tasks."),
    (errors.Malformed("m"), None),
    (
        errors.ClockSkewed("m", ahead=timedelta(hours=1)),
        "Correct the clock (turn on time synchronisation; in WSL: sudo hwclock -s), then try again.",
    ),
    (errors.ProjectError("m"), None),
    (errors.ProjectError("m", project="shop"), "Set DAGCTL_PROJECT=shop instead."),
    (
        errors.NoProject("m"),
        "Run: dagctl use-project PROJECT (dagctl projects lists them), or set DAGCTL_PROJECT.",
    ),
    (errors.ProjectNotFound("m"), "Create one in the web UI."),
    (errors.ProjectNotFound("m", project="shopp", near=("shop", "shops")), "Did you mean shop or shops?"),
    (errors.ProjectNotFound("m", project="twin", ids=("p1", "p2")), "Use an ID: p1, p2"),
    (
        errors.ProjectNotFound("m", project="zzz"),
        "Run dagctl projects for a list, or dagctl auth list if it belongs to another organization.",
    ),
    (
        errors.ProjectConflict("m", project="shop", source="DAGCTL_PROJECT"),
        "Unset DAGCTL_PROJECT: models must not run against another project's state.",
    ),
    (
        errors.ProjectConflict("m", project="shop", organization="Globex"),
        "Run: dagctl auth switch Globex (or: dagctl auth login --org Globex), or set DAGCTL_ORG=Globex here.",
    ),
    (errors.ProjectConflict("m", meanwhile=True), "Run it again."),
    (
        errors.ProjectConflict("m", organization="Globex", meanwhile=True),
        "Restart it, or switch back: dagctl auth switch Globex",
    ),
    (errors.SettingUnusable("m"), None),
    (errors.SettingUnusable("m", source="DAGCTL_STATE_SSLMODE"), "Unset DAGCTL_STATE_SSLMODE, or correct it."),
    (errors.SettingUnusable("m", source="/home/me/.dagctl/config.yaml"), "Correct /home/me/.dagctl/config.yaml."),
    (errors.SettingUnusable("m", source="--folder"), "Give --folder another value."),
    (
        errors.SettingUnusable("m", source="DAGCTL_API_URL", organization="acme", api_url=LOCAL),
        f"Unset DAGCTL_API_URL, or run: dagctl auth login --org acme --api-url {LOCAL}",
    ),
    (errors.SettingUnusable("m", organization="Globex"), "Run: dagctl auth login --org Globex"),
    (
        errors.SettingUnusable("m", source="/c.yaml", api_url=LOCAL, issuer_host="id.example.org"),
        f"If you trust that issuer, set auth0_domain: id.example.org and api_url: {LOCAL} in /c.yaml, and try again.",
    ),
    (
        errors.SettingUnusable("m", source="/here/.dagctl.yaml", organization="Globex"),
        "Change /here/.dagctl.yaml, or run: dagctl auth login --org Globex",
    ),
    (errors.AccountNotFound("m", account="x", known=("acme", "globex")), "Use one of acme, globex."),
    (errors.AccountNotFound("m", account="acme"), "Run: dagctl auth login --org acme"),
    (errors.FileProblem("m"), None),
    (errors.FileCorrupt("m", path="/a b"), "Correct '/a b', or move it away."),
    (errors.FileCorrupt("m", path="/c", role="home"), "Correct /c, or move it away and sign in again."),
    (
        errors.FileCorrupt("m", path="/auth.json", role="tokens"),
        "Run: dagctl auth login --org ORG (keeps it as auth.json.corrupt), or: dagctl auth logout",
    ),
    (errors.FileCorrupt("m", role="keyring"), "Run: dagctl auth logout"),
    (errors.FileUnusable("m"), None),
    (errors.FileUnusable("m", path="/c.py"), "Check that you may read and write /c.py."),
    (errors.FileUnusable("m", path="/c", role="home"), "Set DAGCTL_HOME to a folder that you can read and write."),
    (
        errors.FileUnusable("m", role="keyring"),
        "Unlock it, or set DAGCTL_TOKEN_STORE=file and sign in again.",
    ),
    (errors.FileUnusable("m", path="/c", role="home", link=True), "Replace the link with the file or folder itself."),
    (
        errors.FileUnusable("m", path="/.dagctl.yaml", foreign=True),
        "Put a .dagctl.yaml of yours in the project's folder, or set DAGCTL_ORG and DAGCTL_PROJECT.",
    ),
    (errors.FileUnusable("m", given_by=GIVEN), f"Unset {GIVEN} first."),
    (errors.FileExists("m", path="/c.py"), "Move /c.py away, or name another file."),
    (errors.FileBusy("m", waited=30.0), "Find the dagctl or sqlmesh process that hangs, and end it."),
    (errors.ConfigProblem("m"), None),
    (
        errors.ConfigProblem("m", case="absent"),
        "Run this in the folder of a SQLMesh project, or run sqlmesh init first.",
    ),
    (errors.ConfigProblem("m", case="several"), "SQLMesh allows one configuration per folder: move the others away."),
    (errors.ConfigProblem("m", case="python"), "dagctl config generate shows the lines to add to it."),
    (errors.ConfigProblem("m", case="refused"), "Fix it until sqlmesh info loads it, then run this again."),
    (errors.ConfigProblem("m", case="shadowed"), "Rename the folder."),
    (errors.ConfigProblem("m", case="dbt"), "dbt projects are managed entirely in the web UI."),
    (errors.ConfigProblem("m", case="output"), "Name a Python file."),
    (
        errors.ConfigProblem("m", case="differs"),
        "Nothing was changed. This is a bug in dagctl: please report it with that part of the file.",
    ),
    (errors.FileUnusable("m", path="/tmp/a b", role="sandbox", foreign=True), "Remove it: '/tmp/a b'"),
    (errors.SandboxProblem("m"), None),
    (errors.PortTaken("m", port=8080), "End the program that uses port 8080."),
    (
        errors.NeedsTerminal("m"),
        "Run it on a terminal. In CI, set DAGCTL_ACCESS_TOKEN, DAGCTL_ID_TOKEN, DAGCTL_ORG and DAGCTL_PROJECT instead.",
    ),
    (
        errors.NeedsTerminal("m", in_ci=True),
        "Set DAGCTL_ACCESS_TOKEN, DAGCTL_ID_TOKEN, DAGCTL_ORG and DAGCTL_PROJECT instead.",
    ),
    (errors.MissingExtra("m"), None),
    (errors.MissingExtra("m", extra="keyring"), "Run: pip install 'dagctl[keyring]'"),
]


@pytest.mark.parametrize(("error", "said"), CASES, ids=lambda it: type(it).__name__ if it else "none")
def test_what_is_said(error: DagctlError, said: str | None) -> None:
    assert _cures.cure(error) == said


def test_every_class_is_among_the_cases() -> None:
    assert {type(error) for error, _ in CASES} == set(CLASSES)


ON_A_TERMINAL: list[tuple[DagctlError, str]] = [
    (
        errors.SignInTimedOut("m", timeout=300.0),
        "Allow more time with --timeout 600, or use --no-browser if this machine has no browser.",
    ),
    (errors.SignInTimedOut("m"), "Start the sign-in again, and use its new code."),
    (errors.DeviceGrantRefused("m"), "Use --no-browser instead: it works over SSH and in containers too."),
    (
        errors.EnvironmentProtected("m", organization="Acme"),
        "Deploy to it the way your team does (usually: merge, and let CI deploy), or ask an administrator of Acme for "
        "access. For your own work, use another environment: sqlmesh plan dev_YOURNAME",
    ),
    (
        errors.FileExists("m", path="config.py"),
        "Use --diff to see what would change, and --force to replace the file and keep a backup.",
    ),
    (errors.FileUnusable("m", path="/copy", role="postgres"), "Use another PostgreSQL: --database-url URL"),
    (errors.SandboxProblem("m", runs=True), "Stop it first: dagctl sandbox stop"),
    (errors.SandboxProblem("m"), "Run: dagctl sandbox start"),
    (cures.CommandProblem("m", case="psql_as_json"), "Try: dagctl state psql -- --csv"),
    (errors.ConfigProblem("m", case="output"), "Name a Python file: -o FILE.py"),
    (
        errors.ConfigProblem("m", case="below", path="../a b/config.yaml"),
        "Run this there, or: dagctl config generate -p '../a b'",
    ),
    (errors.ConfigProblem("m", case="dbt"), "dbt projects are managed entirely in the web UI."),
    (
        errors.PortTaken("m", port=8080),
        "End the program that uses it, or use --no-browser, which needs no port. "
        "(Use --port N only if the platform has registered another redirect URI.)",
    ),
    (
        errors.PortTaken("m", port=18443, service="api"),
        "End the program that uses it, or choose another port: --api-port N",
    ),
    (
        errors.NeedsTerminal("m"),
        "Run it on a terminal. In CI, set DAGCTL_ACCESS_TOKEN, DAGCTL_ID_TOKEN, DAGCTL_ORG and DAGCTL_PROJECT instead. "
        "Without a terminal, use --device or set BROWSER.",
    ),
    (
        errors.NeedsTerminal("m", in_ci=True),
        "Set DAGCTL_ACCESS_TOKEN, DAGCTL_ID_TOKEN, DAGCTL_ORG and DAGCTL_PROJECT instead.",
    ),
    (errors.SessionEnded("m", organization="acme"), "Run: dagctl auth login --org acme"),
]


@pytest.mark.parametrize(("error", "said"), ON_A_TERMINAL, ids=lambda it: type(it).__name__)
def test_what_a_terminal_says(error: DagctlError, said: str) -> None:
    assert cures.cure(error) == said


@pytest.mark.parametrize("cure", [_cures.cure, cures.cure])
def test_what_an_edge_has_said_already_counts(cure: object) -> None:
    assert callable(cure)
    assert cure(errors.PortTaken("m", hint="Ask.")) == "Ask."


def test_a_class_of_somebody_elses_has_the_cure_of_the_nearest_of_ours() -> None:
    class Theirs(errors.SessionEnded):
        pass

    assert _cures.cure(Theirs("m", organization="acme")) == "Run: dagctl auth login --org acme"


@pytest.mark.parametrize("word", ["acme", "Acme Inc", "a; rm -rf ~", "it's", "a\nb\x1b[31m\u202e", "$(id)", "Æ", ""])
def test_a_quoted_word_is_one_word_on_one_line(word: str) -> None:
    shown = quoted(word)
    assert len(shlex.split(shown)) == 1
    assert shown.isprintable()


def test_no_error_is_raised_with_advice() -> None:
    names = {kind.__name__ for kind in (*CLASSES, cures.CommandProblem)}
    for source in Path(_cures.__file__).parent.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
        errors_made = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] in names]
        assert not [call.lineno for call in errors_made if "hint" in {keyword.arg for keyword in call.keywords}], source


FACTS: dict[str, Any] = {"files": (FileSeen("/a b"),), "organization": "acme", "api_url": LOCAL, "move": ("a", "b")}


@pytest.mark.parametrize("finding", Finding)
def test_there_is_something_to_do_about_each_finding(finding: Finding) -> None:
    text = doctor_cures.text(Advice(finding, project="prj_shop", **FACTS))
    assert text
    assert "None" not in text


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        (Advice(Finding.ANONYMOUS), "Run: dagctl auth login --org ORG"),
        (Advice(Finding.NOT_RENEWABLE, **FACTS), f"Then run: dagctl auth login --org acme --api-url {LOCAL}"),
        (Advice(Finding.UNPINNED), 'Add project="ORGANIZATION/PROJECT" to its get_state_connection() calls.'),
        (Advice(Finding.EXPOSED, (FileSeen("/a b", folder=True), FileSeen("/c"))), "chmod 700 '/a b'; chmod 600 /c"),
        (Advice(Finding.SEVERAL_CONFIGS, **FACTS), "mv a b"),
    ],
)
def test_what_is_known_is_filled_in(advice: Advice, said: str) -> None:
    assert doctor_cures.text(advice) == said


COMMANDS = "|".join({command.words[0] for command in EVERY})
ADVICE = re.compile(
    rf"\bdagctl ({COMMANDS})\b|DAGCTL_|(?<!\w)-k\b|--[a-z]|\b(chmod|chown|rm|mv|pip|sudo|sqlmesh) [-a-z/~'$]"
)
OF_A_GENERATED_FILE = {"generation/emitter.py", "generation/service.py"}
"""They write a header into a file that is the user's; what it says about itself is that file's text, not advice."""


@pytest.mark.parametrize("layer", ["domain", "ports"])
def test_no_text_of_the_core_is_a_command_an_option_or_a_variable(layer: str) -> None:
    sources = [*(Path(_cures.__file__).parent / layer).rglob("*.py")]
    assert sources
    texts = [
        (source.name, text)
        for source in sources
        if f"{source.parent.name}/{source.name}" not in OF_A_GENERATED_FILE
        for text in texts_of(source)
    ]
    assert not [found for found in texts if ADVICE.search(found[1])]


def texts_of(source: Path) -> Iterator[str]:
    """The string constants of a module, but for what stands alone as a statement: docstrings."""
    tree = ast.parse(source.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_the_table_loads_nothing_heavy() -> None:
    listed = "import sys, dagctl._cures; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.split()
    assert not {"attrs", "urllib.parse", "dagctl._sdk"} & set(loaded)
