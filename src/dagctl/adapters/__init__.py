"""Implementations of the ports, one technology a package."""
