"""What the server process runs (granian, WSGI)."""

import os

from django.core.wsgi import get_wsgi_application

from salur.lib.serving import end_with_master

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
# Whatever a request does, it cannot change a fact (salur/lib/rights.py).
os.environ.setdefault("SALUR_DATABASE_ROLE", "salur_app")
application = get_wsgi_application()
end_with_master()
