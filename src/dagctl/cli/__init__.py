"""The terminal program: an edge around the SDK."""
