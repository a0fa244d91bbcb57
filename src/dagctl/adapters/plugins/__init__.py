"""What other packages add, found by their entry points."""
