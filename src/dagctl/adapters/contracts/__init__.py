"""Contract suites: what an adapter has to do, as tests to subclass.

The author of an adapter inherits a suite in a class whose name begins with `Test`, and defines what it leaves open::

    from dagctl.testing import TokenStoreContract

    class TestKeyringTokenStore(TokenStoreContract):
        def make(self):
            return KeyringTokenStore(service="test")

        def make_impatient(self):
            return KeyringTokenStore(service="test", patience=0.01)

Each suite's docstring names what to define, and a class that lacks something is told so. `self.folder` is an empty
folder of the test's own. The adapters of this package, in memory and real, pass the same suites.
"""

from pathlib import Path

import pytest

# Before anything imports the suites: their failed assertions then show values, as in any test.
pytest.register_assert_rewrite(*(f"{__name__}.{suite.stem}" for suite in Path(__file__).parent.glob("[a-z]*.py")))
