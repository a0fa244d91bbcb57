"""Reads and edits YAML. No other package imports ruamel.yaml."""

AMBIGUOUS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that some version of YAML takes for a boolean or for null, in lower case."""


class YamlProblem(ValueError):
    """The text is not a YAML mapping; the message says why in one line."""
