"""The officer's app as files: `/lapangan/` and all below it, so that its service worker may rule exactly this folder.

The bytes on the phone are the bytes in the repository (``static/lapangan``), no build step between them. ``version.js`` is the one made
file: every file of the shell with its hash, which is what the service worker installs as one piece or not at all.
"""

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.http import require_safe

FOLDER = Path(__file__).parent / "static" / "lapangan"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
# Nothing inline, nothing from elsewhere; the decoder compiles its WebAssembly, photos are shown from memory, no string becomes a script.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types salur",
    ]
)


class Part(NamedTuple):
    body: bytes
    kind: str
    etag: str


@lru_cache(maxsize=256)
def _read(file: Path, changed_ns: int) -> Part:
    """A file's bytes; ``changed_ns`` makes an edit seen without a restart."""
    body = file.read_bytes()
    return Part(body, TYPES[file.suffix], hashlib.sha256(body).hexdigest())


def _part(name: str) -> Part:
    if name == "version.js":
        return _version()
    file = FOLDER / name
    # Names come from the address: only files that really lie below the folder, of a kind that the app consists of.
    if not file.is_file() or file.suffix not in TYPES or FOLDER not in file.resolve().parents:
        raise Http404
    return _read(file, file.stat().st_mtime_ns)


# Not needed to start or to pay: the worker itself, the icons that the system asks for at installation.
NOT_SHELL = ("sw.js", "icon-192.png", "icon-512.png")
# Needed by phones without a code reader of their own, and kept from their first use on (400 KB): not part of the first visit.
LAZY = "vendored"


def shell(*, lazy: bool = False) -> dict[str, str]:
    """Every file that the worker installs at once (or, ``lazy``, at its first use) with its hash, as browsers write it (``sha256-…``)."""
    files = sorted(
        file
        for file in FOLDER.rglob("*")
        if file.suffix in TYPES and file.name not in NOT_SHELL and (LAZY in file.parts) is lazy
    )
    named = {file.relative_to(FOLDER).as_posix(): _read(file, file.stat().st_mtime_ns).etag for file in files}
    return {name: f"sha256-{base64.b64encode(bytes.fromhex(etag)).decode()}" for name, etag in named.items()}


def _version() -> Part:
    parts = {"files": shell(), "lazy": shell(lazy=True)}
    version = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
    body = f"self.SHELL = {json.dumps({'version': version, **parts}, indent=1)};\n".encode()
    return Part(body, TYPES[".js"], hashlib.sha256(body).hexdigest())


@require_safe
def app(request: HttpRequest, name: str = "") -> HttpResponse:
    """One file of the app."""
    part = _part(name or "index.html")
    etag = f'"{part.etag[:32]}"'
    if etag in request.headers.get("If-None-Match", "").replace("W/", ""):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(part.body, content_type=part.kind)
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    response["Content-Security-Policy"] = POLICY
    response["Permissions-Policy"] = "camera=(self), geolocation=(self), microphone=()"
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
def without_slash(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/lapangan/")


@require_safe
def trial(request: HttpRequest) -> HttpResponse:
    """A short address for trying a phone out before it is bought."""
    return HttpResponseRedirect("/lapangan/#uji")


urlpatterns = [
    path("uji", trial),
    path("uji/", trial),
    path("lapangan", without_slash),
    path("lapangan/", app, name="lapangan"),
    path("lapangan/<path:name>", app),
]
