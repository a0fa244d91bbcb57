"""What the domain does: verbs over ports."""
