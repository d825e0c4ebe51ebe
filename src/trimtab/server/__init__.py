"""The composition root: constructs and connects, decides nothing.

`wiring.py` makes every object; `app.py` is the management API; `hot.py` is the HTTP protocol of the data plane's hot
routes; `problems.py` renders errors; `children.py` minds the processes this one owns. Handlers in `api/` are thin.
"""

from trimtab.core.lean_httpx import import_less

import_less()  # here, as a worker's first imports lead to httpx
