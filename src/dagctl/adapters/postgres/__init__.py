"""The way to a state database: libpq's settings and errors, and a probe of each step."""
