"""In-memory doubles of the ports. They keep the rules of what they replace; `dagctl.testing` exports them."""
