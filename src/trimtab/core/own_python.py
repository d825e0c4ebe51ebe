"""How a process of ours starts another: with the interpreter that runs it, and not with what lies around.

``python -m`` and ``python -c`` look for modules in the working folder before all others. A server is started wherever
its team works, and a file of theirs that is called as a module is (``queue.py``, ``h2.py``) would run instead of it.
"""

import sys
from typing import Final

OWN_PYTHON: Final = (sys.executable, "-P")
