pytest_plugins = ["dagctl.testing.fixtures"]
