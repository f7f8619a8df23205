"""The trail is only as good as the facts beside it: nobody changes those either."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "salur.audit"

    def ready(self) -> None:
        from salur.lib import rights

        rights.install()
