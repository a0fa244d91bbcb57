"""One module for each command: `configure(parser)` declares its options, and `run(args, app)` does the work.

`run` unpacks the namespace at once into typed keywords for the SDK, shows the result with `app.show`, and returns the
exit code. It lets every `DagctlError` pass: `dagctl.cli.endings` turns it into a sentence, or into JSON. `Data`
declares what `--json` prints.
"""
