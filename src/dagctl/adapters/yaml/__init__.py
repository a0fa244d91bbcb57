"""ruamel.yaml: the one place that imports it."""


class YamlProblem(ValueError):
    """The text is not a YAML mapping; says why in one line."""
