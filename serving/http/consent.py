"""Whether personal data may be used where a request does not say: whoever runs a server says so, and nothing says it for them."""

from __future__ import annotations

from typing import Final

from serving.errors import ServingError
from serving.settings import Settings, variable

SETTING: Final = "consent_when_absent"
CHOICE: Final = (
    f"Set {variable(SETTING)} (or `{SETTING}` in placard.toml) to `refused`: requests without `consent` are nobody's; or to `given`, where "
    "every caller asks its users before it sends a request."
)


def refuse_unsaid_consent(settings: Settings) -> None:
    """Raises ServingError where the settings do not say what a request without `consent` means."""
    if settings.http.consent_when_absent is None:
        raise ServingError(f"setting {SETTING}", "not set", CHOICE)
