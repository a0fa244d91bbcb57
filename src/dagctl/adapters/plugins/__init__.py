"""What other packages add through entry points."""
