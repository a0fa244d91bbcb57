"""Deploys the shop."""
