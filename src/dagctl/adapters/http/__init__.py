"""HTTPS to the platform: urllib3 for the wire, cattrs for what is on it. The one place that imports them."""
