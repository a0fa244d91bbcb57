"""The rules: values, errors and services. No I/O, no clock, no environment, no printing."""
