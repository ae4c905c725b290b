"""What people choose for themselves."""

from __future__ import annotations

import zoneinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models


def valid_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError("This is not an IANA time zone such as Europe/Berlin.")


class Theme(models.TextChoices):
    AUTO = "auto", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Preferences(models.Model):
    """What a person chose for themselves. Without a time zone they see each project's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="preferences")
    time_zone = models.CharField(max_length=64, blank=True, default="", validators=[valid_time_zone])
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.AUTO)

    class Meta:
        verbose_name_plural = "preferences"
        constraints = [models.CheckConstraint(condition=models.Q(theme__in=Theme.values), name="theme_is_known")]

    def __str__(self) -> str:
        return f"Preferences of {self.user}"
