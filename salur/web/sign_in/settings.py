"""What django-allauth is told, and the file that names an organisation's own sign-in.

``SALUR_OIDC_FILE`` names a TOML file; its secret stands in a file of its own, or is given by hand::

    [[provider]]
    id = "pos"                                  # in the address the provider calls back: /masuk/organisasi/oidc/pos/login/callback/
    name = "Pos Indonesia"
    issuer = "https://sso.posindonesia.example" # its /.well-known/openid-configuration is read
    client_id = "salur"
    client_secret_file = "/etc/salur/oidc.secret"
    also = ["https://login.posindonesia.example"] # when its sign-in page has another address than the issuer
"""

import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from salur.lib.problem import Problem

LOGIN_METHODS = {"username"}
SIGNUP_FIELDS = ["username*", "password1*"]  # nobody signs up; allauth wants to know it
# Per person and per address. Sliding: a place frees itself when the oldest wrong attempt is ten minutes old. Many people of an office
# share one address, so that limit is wide.
RATE_LIMITS = {
    "login": "120/m/ip",
    "login_failed": "40/10m/ip,5/10m/key",
    "reauthenticate": "10/m/user",
}
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}


def providers() -> dict[str, Any]:
    """``SOCIALACCOUNT_PROVIDERS``. Raises ``Problem`` for a file that cannot be read: a server must not start with half a sign-in."""
    named = os.environ.get("SALUR_OIDC_FILE")
    if not named:
        return {}
    try:
        found = tomllib.loads(Path(named).read_text(encoding="utf-8")).get("provider", [])
        apps = [
            {
                "provider_id": each["id"],
                "name": each["name"],
                "client_id": each["client_id"],
                "secret": Path(each["client_secret_file"]).read_text(encoding="utf-8").strip(),
                "settings": {"server_url": each["issuer"], "also": each.get("also", [])},
            }
            for each in found
        ]
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Problem(f"The sign-in file {named} (SALUR_OIDC_FILE) cannot be read: {error}.") from error
    except KeyError as error:
        raise Problem(
            f"The sign-in file {named} lacks {error} for one of its providers: see docs/running.md."
        ) from error
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": apps}} if apps else {}


def origins(providers: dict[str, Any]) -> list[str]:
    """Where forms of the sign-in page may lead on to (scheme and host), for the page's policy."""
    apps = providers.get("openid_connect", {}).get("APPS", [])
    addresses = {
        address for app in apps for address in (app["settings"]["server_url"], *app["settings"].get("also", ()))
    }
    return sorted(f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, addresses))
