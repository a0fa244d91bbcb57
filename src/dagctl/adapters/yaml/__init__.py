"""Reads and edits YAML. No other package imports ruamel.yaml."""


class YamlProblem(ValueError):
    """The text is not a YAML mapping; the message says why in one line."""
