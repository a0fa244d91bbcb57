"""The way to a state database: what libpq is told and what it says, and each step of it tried by hand."""
