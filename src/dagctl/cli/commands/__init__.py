"""One module a command: `configure(parser)` declares its options, `run(args, app)` does it.

`run` unpacks the namespace at once into typed keywords for the SDK, shows the result with `app.show`, and
returns the exit code. It lets every `DagctlError` pass: `dagctl.cli.main` turns it into a sentence.
"""
