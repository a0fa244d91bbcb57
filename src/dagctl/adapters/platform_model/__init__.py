"""The rules of the hosted platform, once: who may have what, and which answer whoever may not gets.

It knows neither sockets nor ports. `adapters.memory` puts it behind the ports, `adapters.sandbox` behind sockets;
whoever needs a platform that errs overrides a rule.
"""
