"""The trail is only as good as the facts beside it: nobody changes those either."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "salur.audit"

    def ready(self) -> None:
        from salur.lib import rights  # noqa: PLC0415  its models can be loaded only when every folder is there

        rights.install()
