"""The settings of the web process that these tests talk to: ours, with a probe, and a channel layer that may be bad."""

from controlplane.env import env
from controlplane.settings import *  # noqa: F403
from controlplane.settings import CHANNEL_LAYERS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.events.apps.ProbeConfig"]
if env("BAD_BELLS"):
    CHANNEL_LAYERS["default"]["BACKEND"] = "tests.events.bad_bells.BadBells"
