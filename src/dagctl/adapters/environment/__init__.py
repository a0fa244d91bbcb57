"""What the process's surroundings say: environment variables, and a pin above the working directory."""
