"""`python -m dagctl`."""

from dagctl.cli.main import entry_point

if __name__ == "__main__":
    entry_point()
