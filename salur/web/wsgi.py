"""What the server process runs (granian, WSGI)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
application = get_wsgi_application()
