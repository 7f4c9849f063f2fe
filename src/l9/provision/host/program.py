"""Packs the modules and the request into one text for `python3 -I -`, as data. Neither reaches a shell."""

from __future__ import annotations

import base64
import json
from typing import Any

# In the syntax of any Python 3, because it reports that a host's Python is too old.
LAUNCHER = """\
import base64, json, sys
data = json.loads(base64.b64decode("@DATA@").decode("ascii"))
if sys.version_info < (3, 9):
    print(data["mark"] + json.dumps({"type": "old", "python": "%d.%d.%d" % sys.version_info[:3]}))
    sys.exit(0)
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
class Sent(MetaPathFinder, Loader):
    def find_spec(self, name, path=None, target=None):
        if name in data["modules"]:
            return ModuleSpec(name, self, is_package=not data["modules"][name])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(data["modules"][module.__name__], module.__name__, "exec"), module.__dict__)
sys.meta_path.insert(0, Sent())
from l9.provision.host.main import main
sys.exit(main(data))
"""


def program(data: dict[str, Any]) -> str:
    """Return the text. `data` has `modules` (name to source; empty for a package), `mark`, and the request."""
    text = json.dumps(data).encode("ascii")
    return LAUNCHER.replace("@DATA@", base64.b64encode(text).decode("ascii"))
