"""Django's settings, from the environment; `salur doctor` prints what is used and what is wrong."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import salur.lib.arrays  # noqa: F401 — packed columns are known to every connection, also to the first
from salur.lib import logs
from salur.lib.database import salur_home, settings_url
from salur.lib.secrets import secret_key
from salur.web.sign_in import settings as sign_in

PACKAGE = Path(__file__).resolve().parent.parent


def database(url: str) -> dict[str, object]:
    """Django's words for a PostgreSQL URL; the host may be a socket folder (``?host=/folder``)."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "salur",
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or query.pop("password", "")),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(query.pop("port", parts.port or "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "salur", **query},
    }


SECRET_KEY = secret_key("django")
DEBUG = os.environ.get("SALUR_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("SALUR_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
DATABASES = {"default": database(settings_url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One app for each folder that has tables or templates, from the ground floor up.
FOLDERS = [
    "audit",
    "jobs",
    "cases",
    "areas",
    "ledger",
    "offices",
    "registry",
    "programmes",
    "danom",
    "payments",
    "custody",
    "evidence",
    "planning",
    "field",
    "monitoring",
    "reconciliation",
    "oversight",
    "evaluation",
    "simulate",
    "web",
]
INSTALLED_APPS = [
    *(f"salur.{folder}" for folder in FOLDERS),  # first: where Django has a word too, ours is the one on the screen
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "procrastinate.contrib.django",
]
MIDDLEWARE = [
    "salur.web.watching.watched",
    "salur.web.middleware.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "salur.web.middleware.at_the_door",
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "salur.web.middleware.language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "salur.web.middleware.viewer",
    "salur.web.middleware.ProblemPage",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "salur.web.urls"
WSGI_APPLICATION = "salur.web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "salur.web.middleware.viewer_in_templates",
                "salur.web.navigation.in_templates",
            ],
            "builtins": ["salur.lib.template_filters"],
        },
    }
]

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = (
    None  # jobs.actions looks for each folder's jobs.py when it needs them: a command starts faster
)
PROCRASTINATE_IMPORT_PATHS = ["salur.jobs.actions"]

LOGGING = logs.settings()

LANGUAGE_CODE = "id"
LOCALE_PATHS = [PACKAGE / "lib" / "locale"]  # each folder that is an app brings its own; lib is none
LANGUAGES = [("id", "Bahasa Indonesia"), ("en", "English")]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

SALUR_HOME = salur_home()
# How many proxies of ours stand before the server: so many addresses at the end of X-Forwarded-For can be believed.
PROXIES = int(os.environ.get("SALUR_PROXIES", "0"))
# Where a family complains, as letters say it: lines with | between them. 171 is the ministry's call centre.
COMPLAINTS = [line.strip() for line in os.environ.get("SALUR_COMPLAINTS", "Kementerian Sosial: telepon 171").split("|")]
if PROXIES:  # the one that ends TLS; without one, a laptop is its own only visitor
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600  # a working day
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
LOGIN_URL = "/masuk/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/masuk/"
CSRF_FAILURE_VIEW = "salur.web.views.csrf_refused"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]

# Sign-in (salur/web/sign_in). The server's processes count wrong attempts together: in the database, which they share.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "web_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},  # expired ones are dropped; a living count never is for want of room
    },
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "process",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
ACCOUNT_ADAPTER = "salur.web.sign_in.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"  # an address is vouched for by who invites
ACCOUNT_LOGIN_METHODS = sign_in.LOGIN_METHODS
ACCOUNT_SIGNUP_FIELDS = sign_in.SIGNUP_FIELDS
ACCOUNT_RATE_LIMITS = sign_in.RATE_LIMITS
ACCOUNT_SESSION_REMEMBER = True  # until SESSION_COOKIE_AGE
MFA_ADAPTER = "salur.web.sign_in.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # a telephone whose clock is half a minute off
MFA_RATE_LIMITS = sign_in.MFA_RATE_LIMITS
SOCIALACCOUNT_ADAPTER = "salur.web.sign_in.adapters.OrganisationAdapter"
SOCIALACCOUNT_PROVIDERS = sign_in.providers()
SIGN_IN_ORIGINS = sign_in.origins(SOCIALACCOUNT_PROVIDERS)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_AUTO_SIGNUP = False
# A guesser must not choose the address that is counted.
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES


def DEMO_HOME() -> bool:
    """Whether `salur demo` made this home: nothing else puts a folder of that name there."""
    return (SALUR_HOME / "demo").is_dir()
