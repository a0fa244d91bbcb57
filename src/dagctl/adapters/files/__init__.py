"""Stores in files, and the files of a project."""
