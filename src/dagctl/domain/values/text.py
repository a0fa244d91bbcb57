"""Other people's words, made fit to be shown."""

from __future__ import annotations


def printable(text: str, limit: int = 200) -> str:
    """`text` on one line without control characters, cut at `limit` characters."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
