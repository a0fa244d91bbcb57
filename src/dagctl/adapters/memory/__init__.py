"""In-memory twins of the ports. They keep the rules of what they stand for; `dagctl.testing` gives them to others."""
