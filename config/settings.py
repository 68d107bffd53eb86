"""Settings, one file, driven by the environment. `manage.py` fills in the private servers where nothing is set."""

from pathlib import Path

import environ
from csp.constants import NONE, SELF
from kombu import Exchange, Queue

from config import logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
# The key of the private installation lives with its state; a public one must bring its own.
SECRET_KEY = env.str("SECRET_KEY", default="insecure-until-SECRET_KEY-is-set")
# Keys of before: what was signed or worked out with them is still known.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "config.apps.BulwarkAdminConfig",
    "config.apps.InstallationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_celery_results",
    "ledger",
    "ledger.rest",
    "ledger.events",
    "fund",
    "liquidation",
]

MIDDLEWARE = [
    "config.observed.ObservedRequests",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.slashes.CommonWithoutRedirects",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# The application connects as the service's role, which may only add to the journal. Migrations run as the owner of
# the tables: `BULWARK_AS_OWNER=1` (manage.py sets it for the commands that need it) takes DATABASE_OWNER_URL.
_DATABASE_URL = env.str("DATABASE_URL", default="postgres://localhost/bulwark")
if env.bool("BULWARK_AS_OWNER", default=False):
    _DATABASE_URL = env.str("DATABASE_OWNER_URL", default=_DATABASE_URL)
DATABASES = {"default": env.db_url_config(_DATABASE_URL, engine="django.db.backends.postgresql")}
DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
# The posting door binds its arrays on the server and lets psycopg prepare the statement after its fifth use.
DATABASES["default"].setdefault("OPTIONS", {}).update({"prepare_threshold": 5})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The role that the service connects as; migrations grant it what it may do, and nothing else.
SERVICE_ROLE = env.str("BULWARK_SERVICE_ROLE", default="bulwark_service")

REDIS_URL = env.str("REDIS_URL", default=env.str("BROKER_URL", default="redis://localhost:6379/0"))
CELERY_BROKER_URL = env.str("BROKER_URL", default=REDIS_URL)
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
# A season of nightly verifications to look back on; beat clears older results away.
CELERY_RESULT_EXPIRES = 90 * 24 * 3600
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TRACK_STARTED = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULER = "config.heartbeat:BeatingScheduler"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Far above the longest settlement: a shorter one hands a running task to a second worker.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
# When `/readyz` misses the scheduler or a worker, and a settlement: seconds since the last sign, since a cycle's end.
HEARTBEAT_LATE_SECONDS = env.int("BULWARK_HEARTBEAT_LATE_SECONDS", default=60)
SETTLEMENT_LATE_SECONDS = env.int("BULWARK_SETTLEMENT_LATE_SECONDS", default=900)
# Who may read `/metrics`: whoever has this token; without one, this host.
METRICS_TOKEN = env.str("BULWARK_METRICS_TOKEN", default="")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Seconds. A Redis that does not answer holds up no request.
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

# A full set of books (deposits and settlements are posted too): traders may not fall below 0. A mirror of the venue's
# wallets: no floor, the balance is what this ledger has moved.
TRADER_FLOOR = env.bool("BULWARK_TRADER_FLOOR", default=False)

# Whether webhooks may lead to private and loopback addresses, and to http: for a receiver in the house's own network.
WEBHOOKS_ALLOW_PRIVATE = env.bool("BULWARK_WEBHOOKS_ALLOW_PRIVATE", default=False)
# How often an event is sent before it is given up, and how many seconds a receiver has for its answer.
WEBHOOKS_ATTEMPTS = env.int("BULWARK_WEBHOOKS_ATTEMPTS", default=12)
WEBHOOKS_SECONDS = env.float("BULWARK_WEBHOOKS_SECONDS", default=10.0)
# Receivers are other people's servers: no task of the books waits behind them.
CELERY_TASK_ROUTES = {"events.deliver_lane": {"queue": "webhooks"}}
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in ("celery", "webhooks")]

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["ledger.rest.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ledger.rest.parsers.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["ledger.rest.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["ledger.rest.permissions.RolePermission"],
    # Proxies before the service: so many entries of X-Forwarded-For, from its end, are theirs. 0: it is not read.
    "NUM_PROXIES": env.int("BULWARK_PROXIES", default=0),
    "DEFAULT_SCHEMA_CLASS": "ledger.rest.schema.ResourceSchema",
    "EXCEPTION_HANDLER": "config.errors.problem_handler",
    "UNAUTHENTICATED_USER": None,
    # `format` is a parameter of the public figures, not a choice of renderer.
    "URL_FORMAT_OVERRIDE": None,
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
# Requests of one key, by its role, and of one address without a key: `600/minute`, or `off`. The engine's is one that
# a cascade does not reach: more than one server answers.
THROTTLES = {
    role: env.str(f"BULWARK_THROTTLE_{role.upper()}", default=rate)
    for role, rate in {
        "engine": "600000/minute",
        "treasury": "1200/minute",
        "bookkeeper": "60000/minute",
        "auditor": "6000/minute",
        "trader": "600/minute",
        "public": "600/minute",
    }.items()
}
# Bytes that the body of a request may have, streams apart: a batch of 10,000 entries takes about a tenth of it.
API_BODY_LIMIT = env.int("BULWARK_API_BODY_LIMIT", default=32 * 1024 * 1024)
# How long a cache may keep a public figure.
PUBLIC_SECONDS_KEPT = env.int("BULWARK_PUBLIC_SECONDS_KEPT", default=5)
SPECTACULAR_SETTINGS = {
    "TITLE": "Bulwark",
    "DESCRIPTION": "Book of record of a derivatives venue's insurance fund.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    # Without it the page asks a foreign host whether the schema is valid.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "TakeoverStatus": "liquidation.models.Takeover.Status",
        "ContractKind": "liquidation.models.Contract.Kind",
        "FillKind": "liquidation.models.Fill.Kind",
        "InventoryMovementKind": "fund.models.InventoryMovement.Kind",
        "CycleStatus": "fund.models.Cycle.Status",
        "TransferDirection": "fund.models.Transfer.Direction",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
STATIC_URL = "static/"
# Files are served as the apps have them. Where a web server in front serves them, `collectstatic` fills this folder.
STATIC_ROOT = env.str("STATIC_ROOT", default=None)
WHITENOISE_USE_FINDERS = True
LOGIN_URL = "admin:login"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Of this site and nothing else; no script in a page itself. `data:` are the icons of the API's documentation.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
LOGGING = logs.configured(level=env.str("LOG_LEVEL", default="INFO"), format=env.str("LOG_FORMAT", default=""))
