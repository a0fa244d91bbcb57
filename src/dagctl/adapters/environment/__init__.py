"""Environment variables, and the pin file above the working directory."""
