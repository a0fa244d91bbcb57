"""ruamel.yaml: the one place that imports it."""
