"""Checks of each link between this machine and the state database."""
