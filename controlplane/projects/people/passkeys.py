"""allauth's forms for passkeys; a credential that is none is an error beside its field, whatever is wrong with it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from allauth.mfa.webauthn import forms as passkeys
from django import forms
from django.core.exceptions import ValidationError
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

# What fido2 raises for parts that are missing, of another type, or no CBOR.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, struct.error)


class CredentialField(forms.JSONField):
    """The JSON of `kind`, a response of a browser."""

    widget = forms.HiddenInput

    def __init__(self, kind: type[RegistrationResponse] | type[AuthenticationResponse]) -> None:
        super().__init__()
        self.kind = kind

    def to_python(self, value: Any) -> Any:
        sent = super().to_python(value)
        if sent in self.empty_values:
            return sent
        try:
            self.kind.from_dict(sent if isinstance(sent, Mapping) else {})
        except MALFORMED as error:
            raise ValidationError("This is no passkey.", code="malformed") from error
        return sent


class AddForm(passkeys.AddWebAuthnForm):
    credential = CredentialField(RegistrationResponse)


class SecondStepForm(passkeys.AuthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class SignInForm(passkeys.LoginWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class ConfirmForm(passkeys.ReauthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)
