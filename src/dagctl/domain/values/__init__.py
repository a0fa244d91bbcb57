"""What the domain speaks of: frozen values, and the rules that need nothing else."""
