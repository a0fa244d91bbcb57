"""The way to a state database: sockets and TLS by hand, logging in with psycopg2."""
