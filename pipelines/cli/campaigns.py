"""`placard campaigns`: take a campaign's ads down at once, and let them run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings

PAUSED = example("placard campaigns paused")
group = typer.Typer(no_args_is_help=True, epilog=PAUSED, help="Take a campaign's ads down at once, and let them run again.")
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's id, as the catalogue has it.")]


@group.command("pause", epilog=example("placard campaigns pause k00000012"))
@prepared
def pause(settings: Settings, campaign: Campaign, as_json: Json = False) -> None:
    """Take a campaign's ads down: no worker shows one from a second later on. Events of ads that were shown before still count."""
    _set(settings, campaign, True)
    emit({"campaign": campaign, "paused": True}, as_json, f"{campaign} is paused")


@group.command("resume", epilog=example("placard campaigns resume k00000012"))
@prepared
def resume(settings: Settings, campaign: Campaign, as_json: Json = False) -> None:
    """Let a paused campaign's ads run again."""
    _set(settings, campaign, False)
    emit({"campaign": campaign, "paused": False}, as_json, f"{campaign} runs")


@group.command("paused", epilog=PAUSED)
@prepared
def paused(settings: Settings, as_json: Json = False) -> None:
    """Which campaigns are paused."""
    from contextlib import closing

    from serving.ledger.opening import open_ledger

    with closing(open_ledger(settings)) as ledger:
        found = sorted(ledger.paused())
    emit({"paused": found}, as_json, found or ["none"])


def _set(settings: Settings, campaign: str, is_paused: bool) -> None:
    from contextlib import closing

    from serving.errors import SnapshotMissing
    from serving.ledger.opening import open_ledger
    from serving.snapshot import open_current

    try:
        snapshot = open_current(settings.home.snapshots)
    except SnapshotMissing:
        snapshot = None
    if is_paused and snapshot is not None:
        snapshot.check_campaign(campaign)
    with closing(open_ledger(settings)) as ledger:
        ledger.pause(campaign, is_paused)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="campaigns")
