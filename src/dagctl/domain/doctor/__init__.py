"""Each link between this machine and the state database, looked at."""
