"""What the domain asks of the outside world, one module a port.

Each module's docstring is the manual for writing an adapter: what every method promises and what it raises.
"""
