"""The server of a simulation: the same application, which takes the moment of each request from its phone.

A campaign of fourteen days is played in minutes, so the server's clock has to be the scenario's. Only `salur simulate campaign` starts this
one, on this machine, for its own requests; `salur serve` knows no such header.
"""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.wsgi import get_wsgi_application

from salur.lib.clock import told
from salur.lib.rights import APPLICATION, VARIABLE
from salur.lib.serving import end_with_master
from salur.simulate.server import MOMENT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
# As salur/web/wsgi.py: whatever a request does, it cannot change a fact.
os.environ.setdefault(VARIABLE, APPLICATION)
_application = get_wsgi_application()
end_with_master()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI; the header holds milliseconds since 1970."""
    said = environ.get("HTTP_" + MOMENT.upper().replace("-", "_"))
    if not said:
        return _application(environ, start_response)
    with told(datetime.fromtimestamp(int(said) / 1000, UTC)):
        return _application(environ, start_response)
