"""What a request without `consent` means to a server that is started for a demo or a benchmark."""

from __future__ import annotations

from feature_repo.home import Home
from serving.http.consent import SETTING, refuse_unsaid_consent
from serving.settings import Settings, variable


def given_where_unsaid(settings: Settings) -> dict[str, str]:
    """The variable for the server's environment: as the settings have it, else consent is given, since simulated people ask."""
    return {variable(SETTING): settings.http.consent_when_absent or "given"}


def of_platform(settings: Settings) -> dict[str, str]:
    """The same for a platform that may be no demo's: there the settings must say. Raises ServingError where they do not."""
    if not is_demo(settings.home):
        refuse_unsaid_consent(settings)
    return given_where_unsaid(settings)


def is_demo(home: Home) -> bool:
    """Whether the state folder is one that `placard demo` has filled."""
    return (home.root / "demo" / "journal.json").exists()
