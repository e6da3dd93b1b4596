"""`placard ledger`: whether the ledger is the one that money was written into, and taking another for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pipelines.cli.options import Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.settings import Settings

CHECK = example("placard ledger check")
group = typer.Typer(no_args_is_help=True, epilog=CHECK, help="The ledger of spend: whether it is the right one, and taking another for it.")


@group.command("check", epilog=CHECK)
@prepared
def check(settings: Settings, as_json: Json = False) -> None:
    """Whether the ledger is the one that this state folder's servers wrote into, and keeps what it is told; exit 3 when not."""
    from contextlib import closing

    from serving.ledger.opening import forgetful, open_ledger
    from serving.worker.ledger_watch import LedgerWatch

    with closing(open_ledger(settings)) as ledger:
        watch = LedgerWatch(ledger, settings.home.state, lambda: forgetful(settings))
        watch.look()
        emit({"ledger": ledger.identity(), "trouble": watch.trouble}, as_json, watch.trouble or f"ledger {ledger.identity()}: well")
    if watch.trouble:
        raise SystemExit(3)


@group.command("accept", epilog=example("placard ledger accept"))
@prepared
def accept(settings: Settings, as_json: Json = False) -> None:
    """Take the ledger as it is for the one to write into, after it was emptied or replaced. Budgets of today are whole again, whatever was
    spent before. Servers sell again within seconds."""
    from contextlib import closing

    from serving.ledger.opening import open_ledger
    from serving.worker.ledger_watch import accept

    with closing(open_ledger(settings)) as ledger:
        name = accept(ledger, settings.home.state)
    emit({"ledger": name}, as_json, f"ledger {name} is the one to write into")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="ledger")
