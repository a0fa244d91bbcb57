"""What the operating system offers: the clock, the browser, a loopback port."""
