"""What one process remembers for some seconds: answers that are dear to compute and the same for everybody with the same scope.

Django's own ``cache`` is in the database, which all processes share (sign-in counts wrong attempts there); looking into it costs a statement.
"""

from django.core.cache import BaseCache, caches
from django.utils.connection import ConnectionProxy

cache: BaseCache = ConnectionProxy(caches, "process")  # type: ignore[assignment]
