"""The rules of the hosted platform, in one place: who may have what, and what the platform answers otherwise.

The model knows neither sockets nor ports. `adapters.memory` puts it behind the ports, `adapters.sandbox` behind
sockets. A platform that errs is a subclass that overrides a rule.
"""
