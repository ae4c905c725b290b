"""Every value is a literal or is read from the environment; every limit says why it is what it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict
from whitenoise.compress import Compressor

from controlplane import celery as celery_application  # noqa: F401 - actions ring through Celery's current app
from controlplane import logs
from controlplane.env import env, env_bool, env_int, env_list

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env("SPARKOPS_DATA_DIR") or BASE_DIR / "var").resolve()

# Core

DEBUG = env_bool("DEBUG")
SECRET_KEY = env("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY. `make up` makes one by itself and keeps it in the data folder.")
HOST, PORT = env("HOST", "127.0.0.1"), env_int("PORT", 8000)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]", HOST]
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "controlplane.ui.errors.csrf_failure"
DEFAULT_EXCEPTION_REPORTER_FILTER = "controlplane.ui.fault_pages.FaultFilter"
ROOT_URLCONF = "controlplane.urls"
ASGI_APPLICATION = "controlplane.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "controlplane.projects.tenants.portal_admin.PortalAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "csp",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "controlplane.embedded",
    "controlplane.portal",
    "controlplane.ui",
    "controlplane.projects",
    "controlplane.events",
    "controlplane.operations",
    "controlplane.listing",
    "controlplane.outbound",
    "agents",
    "workflows",
    "runs",
    "controlplane.home",
]

MIDDLEWARE = [
    "controlplane.projects.requests.middleware.ProblemMiddleware",
    "controlplane.events.sharing.middleware.SharedParts",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "controlplane.projects.people.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "controlplane.projects.requests.middleware.ProjectMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.ui.context.shell",
            ],
            "builtins": ["controlplane.ui.templatetags.ui", "django.templatetags.static"],
        },
    },
]

# Database: PostgreSQL is the queue and the truth

PREPARE_WHEN_ASKED = 2**31


def database(url: str) -> dict[str, object]:
    parts = conninfo_to_dict(url)
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    settings = {name: str(parts.pop(key, "") or "") for name, key in known.items()}
    pool = {
        "min_size": 1,
        # A process holds a connection only inside a transaction, so a few serve many threads.
        "max_size": env_int("DATABASE_POOL_SIZE", 20),
        # Longer than a restart of PostgreSQL takes; after it the caller gets 503 and tries again.
        "timeout": 5,
        # After a burst its connections, and the memory of their servers, go back.
        "max_idle": 60,
        # Then whoever asks next tries anew; the pool's own pauses would grow to minutes.
        "reconnect_timeout": 1,
    }
    return {
        "ENGINE": "django.db.backends.postgresql",
        **settings,
        "OPTIONS": {
            **parts,
            "pool": pool,
            # Values never stand in the text of a statement, which others may see and logs may hold.
            "server_side_binding": True,
            # Only statements that ask for it, the engine's, are planned once a connection: a plan for any values is
            # no good for lists. 0 is for poolers that cannot keep prepared statements.
            "prepare_threshold": PREPARE_WHEN_ASKED if env_bool("DATABASE_PREPARE", True) else None,
        },
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": database(env("DATABASE_URL", "postgresql:///sparkops"))}
# A statement of the web process that takes longer is ended, as is one that waits for another's lock, with 503: people
# and the database's connections are not held up without end. 0 for neither, for poolers that take no such options.
WEB_STATEMENT_SECONDS, WEB_LOCK_SECONDS = env_int("WEB_STATEMENT_SECONDS", 30), env_int("WEB_LOCK_SECONDS", 10)
# Waiting for something outside inside a transaction raises an error instead of a line in the log.
STRICT_WAITING = env_bool("STRICT_WAITING", DEBUG)

# Broker and channel layer: both may lose everything

REDIS_URL = env("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_PREFIX = env("REDIS_PREFIX", "sparkops:")
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_PREFIX,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "socket_keepalive": True,
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
    }
}

# The engine. Times in seconds; shortened by the fault suite.

ENGINE_LEASE_SECONDS = env_int("ENGINE_LEASE_SECONDS", 15)
ENGINE_HEARTBEAT_SECONDS = env_int("ENGINE_HEARTBEAT_SECONDS", 5)
# A bell that was not answered for this long is rung again.
ENGINE_RING_AGAIN_SECONDS = env_int("ENGINE_RING_AGAIN_SECONDS", 5)
# What was due for this long and came to no worker is taken from the database, past the broker.
ENGINE_PULL_AFTER_SECONDS = env_int("ENGINE_PULL_AFTER_SECONDS", 2)
ENGINE_WORKER_NAME = env("SPARKOPS_WORKER_NAME")
# Larger step outputs are kept as artifacts.
ENGINE_OUTPUT_INLINE_BYTES = 256 * 1024

# Trials of tools, agents and instances: made by workers, while somebody waits. Times in seconds.

TRIAL_SECONDS = env_int("TRIAL_SECONDS", 60)
# So long a trial waits for a worker before the answer is that none is free.
TRIAL_TAKEN_WITHIN_SECONDS = env_int("TRIAL_TAKEN_WITHIN_SECONDS", 15)
# At once. A few serve a person who compares; with them nobody takes all the places of the workers.
TRIALS_A_PERSON, TRIALS_A_PROJECT = env_int("TRIALS_A_PERSON", 3), env_int("TRIALS_A_PROJECT", 10)
# Beside the threads for steps, so that neither waits for the other.
TRIALS_A_WORKER = env_int("TRIALS_A_WORKER", 20)

# Modules that register functions for tools and agents, imported at start

FUNCTION_MODULES = env_list("SPARKOPS_FUNCTION_MODULES")

# Outbound calls

OUTBOUND_ALLOW = env_list("SPARKOPS_OUTBOUND_ALLOW")
OUTBOUND_MAX_BYTES = 10 * 1024 * 1024
# Folders whose SQLite, CSV and Parquet files an instance may open. Without a wall an editor could open any file.
INSTANCE_FILE_ROOTS = env_list("SPARKOPS_INSTANCE_ROOTS") or [str(DATA_DIR / "warehouse")]
# Folders of Unix sockets whose PostgreSQL an instance may use; other hosts go by OUTBOUND_ALLOW.
INSTANCE_SOCKETS = env_list("SPARKOPS_INSTANCE_SOCKETS")
# Files of certificates that an instance's URL may name as sslrootcert. Any other would tell which files there are.
INSTANCE_CERTIFICATES = env_list("SPARKOPS_INSTANCE_CERTIFICATES")

# Secrets: comma list of id:base64-of-32-bytes; the first one encrypts, all decrypt

SECRETS_KEYS = env_list("SPARKOPS_SECRETS_KEYS")

# Sign-in

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "controlplane.projects.people.addresses.AddressBackend",
    # Named for the sessions that were opened with it; signing in never reaches it.
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "controlplane.projects.people.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
# The e-mail address is the one that was invited.
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_FORMS = {
    "signup": "controlplane.projects.people.entrance.SignUpForm",
    "reset_password": "controlplane.projects.people.entrance.ResetForm",
    "add_email": "controlplane.projects.people.entrance.AddressForm",
}
# Signing in needs no address; one that is not verified is only no address (see addresses.py).
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_CHANGE_EMAIL = True
# Whoever finds a browser open must not give the account another address, and then a new password by letter.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Spark-Ops] "
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Thirty wrong passwords a minute from one address, ten in five minutes for one name. In this order: whoever is
# stopped by the first leaves no counter of the second behind.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,10/5m/key"}
USERSESSIONS_ADAPTER = "controlplane.projects.people.accounts.SessionAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
# Browsers offer passkeys over TLS, and on http://localhost.
MFA_PASSKEY_LOGIN_ENABLED = True
# An address that is not verified keeps nobody from theirs, and the first administrator has none.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Spark-Ops"
# A code is good for half a minute before and after, since clocks differ and people type.
MFA_TOTP_TOLERANCE = 1
MFA_ADAPTER = "controlplane.projects.people.accounts.SecondFactorAdapter"
MFA_FORMS = {
    "add_webauthn": "controlplane.projects.people.passkeys.AddForm",
    "authenticate_webauthn": "controlplane.projects.people.passkeys.SecondStepForm",
    "login_webauthn": "controlplane.projects.people.passkeys.SignInForm",
    "reauthenticate_webauthn": "controlplane.projects.people.passkeys.ConfirmForm",
}
# Not in Valkey: nobody could sign in while it is full or away, or everybody could try any number of passwords.
CACHES = {"default": {"BACKEND": "controlplane.projects.people.remembering.PostgresCache"}}
SESSION_ENGINE = "controlplane.projects.people.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600

# E-mail: without a server it goes to the log of the web process

EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env_int("EMAIL_PORT", 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env("EMAIL_HOST_USER"), env("EMAIL_HOST_PASSWORD")
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", not EMAIL_USE_SSL)
# A worker waits for the server, never a page (controlplane/projects/people/letters.py).
EMAIL_TIMEOUT = 10
LETTER_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
KEEPS_LETTERS, PRINTS_LETTERS = (
    "controlplane.projects.people.letters.KeepLetters",
    "django.core.mail.backends.console.EmailBackend",
)
EMAIL_BACKEND = KEEPS_LETTERS if EMAIL_HOST else PRINTS_LETTERS
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("EMAIL_FROM", "Spark-Ops <spark-ops@localhost>")

# HTTP

BEHIND_TLS = env_bool("BEHIND_TLS")
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_HTTPONLY = True
# Scripts take the token of now from it when a form leaves: another tab may have signed in since the page was made.
CSRF_COOKIE_HTTPONLY = False
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# One request body; larger ones are refused before anyone reads or authenticates them.
MAX_BODY_BYTES = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# For the headers of a request, for its body, between an answer and the next request, and for 64 KiB of an answer.
HTTP_HEADERS_SECONDS = env_int("HTTP_HEADERS_SECONDS", 10)
HTTP_BODY_SECONDS = env_int("HTTP_BODY_SECONDS", 30)
HTTP_IDLE_SECONDS = env_int("HTTP_IDLE_SECONDS", 75)
HTTP_ANSWER_SECONDS = env_int("HTTP_ANSWER_SECONDS", 20)
# Requests of one address that have begun and not ended.
HTTP_HALF_SENT = env_int("HTTP_HALF_SENT", 20)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# Language and time: the server speaks UTC, pages the zone of who looks, else that of the project

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Files

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [path for path in [BASE_DIR / "static" / "dist"] if path.exists()]
MANIFEST = (STATIC_ROOT / "staticfiles.json").exists() and not DEBUG
WHITENOISE_USE_FINDERS = not MANIFEST
# Only what pages ask for is compressed and kept: the copies without a hash and the source maps took most of the time.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "artifacts")},
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if MANIFEST or env_bool("COLLECTING_STATIC")
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# The JSON API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "controlplane.projects.tokens.authentication.TokenAuthentication",
        "controlplane.projects.tokens.authentication.JWTAuthentication",
        "controlplane.projects.tokens.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.projects.requests.parsing.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "controlplane.openapi.Description",
    "EXCEPTION_HANDLER": "controlplane.api.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["controlplane.projects.requests.throttling.ApiThrottle"],
    # The address of who asks is Daphne's to tell, with TRUST_PROXY_HEADERS; else a caller could name another each time.
    "NUM_PROXIES": 0,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Calls a minute for one token or person: far above a script's need, far below what hurts the others.
API_CALLS_PER_MINUTE = env_int("API_CALLS_PER_MINUTE", 6000)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    # A new password ends what was signed in for with the old one.
    "CHECK_REVOKE_TOKEN": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Spark-Ops Control Plane",
    "DESCRIPTION": "Start, watch, stop and retry runs; manage agents, tools, instances and workflows.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "DEFAULT_GENERATOR_CLASS": "controlplane.openapi.Generator",
    # Making the document takes half a second, so it is not for everybody who passes by.
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "controlplane.openapi.with_problem",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AgentKind": "agents.models.AgentKind",
        "ToolKind": "agents.models.ToolKind",
        "Trigger": "runs.models.Trigger",
        "Environment": "agents.models.Environment",
        "VersionState": "workflows.models.VersionState",
        "KindOfChange": ["added", "removed", "changed"],
        "SpecificationFormat": [("json", "JSON"), ("yaml", "YAML")],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Logs: one structured line an occasion

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": logs.formatter(json=env("LOG_FORMAT", "text") == "json")},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        name: {"level": "WARNING"}
        for name in (
            "django.channels.server",
            "daphne",
            "httpx",
            "django_structlog",
            "celery.worker.strategy",
            "celery.app.trace",
        )
    }
    # It sets WARNING for itself, whatever is asked for.
    | {"psycopg": {"level": env("LOG_LEVEL", "WARNING")}},
}

SENTRY_DSN = env("SENTRY_DSN")
if SENTRY_DSN:
    import sentry_sdk

    sentry_sdk.init(dsn=SENTRY_DSN, send_default_pii=False)
