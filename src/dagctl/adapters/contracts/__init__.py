"""Contract suites: what an adapter has to do, as tests to subclass.

An adapter's author writes a class whose name begins with `Test`, inherits a suite, and overrides its factory::

    from dagctl.testing import TokenStoreContract

    class TestKeyringTokenStore(TokenStoreContract):
        def make(self):
            return KeyringTokenStore(service="test")

Each suite's docstring names what else may be overridden. `self.folder` is an empty folder of the test's own. The
adapters of this package, in memory and real, pass the same suites.
"""

import pytest

# Before the suites are imported: a failed assertion in them then shows its values, as in any test.
_SUITES = (
    "browser",
    "clock",
    "context_shelf",
    "context_store",
    "credential_store",
    "file_system",
    "platform",
    "state_probe",
    "token_store",
)
pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _SUITES))

from dagctl.adapters.contracts.account_shelf import AccountShelfContract  # noqa: E402
from dagctl.adapters.contracts.browser import BrowserContract  # noqa: E402
from dagctl.adapters.contracts.clock import ClockContract  # noqa: E402
from dagctl.adapters.contracts.credential_store import CredentialStoreContract  # noqa: E402
from dagctl.adapters.contracts.file_system import FileSystemContract  # noqa: E402
from dagctl.adapters.contracts.platform import PlatformContract, Stage  # noqa: E402
from dagctl.adapters.contracts.settings_store import SettingsStoreContract  # noqa: E402
from dagctl.adapters.contracts.state_probe import StateProbeContract, StateStage  # noqa: E402
from dagctl.adapters.contracts.token_store import GivenTokenStoreContract, TokenStoreContract  # noqa: E402

__all__ = [
    "AccountShelfContract",
    "BrowserContract",
    "ClockContract",
    "CredentialStoreContract",
    "FileSystemContract",
    "GivenTokenStoreContract",
    "PlatformContract",
    "SettingsStoreContract",
    "Stage",
    "StateProbeContract",
    "StateStage",
    "TokenStoreContract",
]
