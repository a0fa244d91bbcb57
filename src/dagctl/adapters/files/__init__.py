"""Stores that are files, and the files of a project."""
