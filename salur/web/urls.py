"""Where every address leads: the phones' API, then the pages."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("salur.field.api")),
]
