"""The domain's verbs, over ports."""
