"""The operating system: its clock, browser, terminal, signals and sockets."""
