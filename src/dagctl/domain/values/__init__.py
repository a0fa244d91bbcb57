"""The domain's frozen values, and the rules that need nothing else."""
