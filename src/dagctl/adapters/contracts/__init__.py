"""Contract suites: what an adapter has to do, as tests to subclass.

An adapter's author writes a class whose name begins with `Test`, inherits a suite, and overrides its factory::

    from dagctl.testing import TokenStoreContract

    class TestKeyringTokenStore(TokenStoreContract):
        def make(self):
            return KeyringTokenStore(service="test")

Each suite's docstring names what else may be overridden. `self.folder` is an empty folder of the test's own. The
adapters of this package, in memory and real, pass the same suites.
"""

from pathlib import Path

import pytest

# Before the suites are imported: a failed assertion in them then shows its values, as in any test.
pytest.register_assert_rewrite(*(f"{__name__}.{suite.stem}" for suite in Path(__file__).parent.glob("[a-z]*.py")))
