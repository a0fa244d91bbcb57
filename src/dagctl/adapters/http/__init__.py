"""HTTPS to the platform. urllib3 carries the requests, cattrs reads the answers; no other package imports them."""
