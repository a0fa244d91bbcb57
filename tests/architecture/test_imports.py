"""Each module can be the first that somebody imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagctl

EACH_IN_A_FRESH_INTERPRETER = """
import importlib, json, os, sys, traceback

failed = {}
for name in json.load(sys.stdin):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("dagctl"):
                os.write(writer, traceback.format_exc().encode())
        except BaseException:
            os.write(writer, traceback.format_exc().encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as said:
        text = said.read()
    os.waitpid(child, 0)
    if text:
        failed[name] = text[-2000:]
json.dump(failed, sys.stdout)
"""


def test_no_module_needs_another_one_imported_first() -> None:
    root = Path(dagctl.__file__).parent
    files = sorted(path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py"))
    names = [".".join(path.parts).removesuffix(".__init__") for path in files if path.name != "__main__"]
    assert len(names) > 100
    done = subprocess.run(
        [sys.executable, "-c", EACH_IN_A_FRESH_INTERPRETER], input=json.dumps(names), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}
