"""Converts a SQLMesh configuration: a YAML document in, a Python document out, and nothing lost."""

from dagctl.domain.generation.service import ConfigGeneration, Conversion

__all__ = ["ConfigGeneration", "Conversion"]
