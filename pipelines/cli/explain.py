"""`placard explain DECISION_ID`: why these ads, at these prices. `placard explain "QUERY"`: which ads a search would get now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from pipelines.cli import arguments
from pipelines.cli.options import At, Json, example
from pipelines.cli.output import emit, prepared

if TYPE_CHECKING:
    from serving.explain import Why
    from serving.record.decision import Decision
    from serving.record.request import AdRequest
    from serving.settings import Settings

STRANGER: Final = "a-stranger"
"""Who searches where nobody is named. Not nobody: whoever cannot be counted sees no ad that is to be seen so often at most."""


@prepared
def explain(
    settings: Settings,
    what: Annotated[str, typer.Argument(help="The decision_id of an answer, or a query to search with.")],
    user: Annotated[str, typer.Option("--user", help="Who searches; left out: somebody who was never seen before.")] = STRANGER,
    device: Annotated[str, typer.Option("--device", parser=arguments.device, metavar="DEVICE", help="On which device.")] = "desktop",
    region: Annotated[str, typer.Option("--region", help="From where.")] = "",
    language: Annotated[str, typer.Option("--language", help="In which language.")] = "",
    at: At = None,
    slots: Annotated[int, typer.Option("--slots", min=1, max=20, help="Most ads.")] = 4,
    as_json: Json = False,
) -> None:
    """Print a decision's understanding, funnel, prices and strongest features. A query is decided now, and leaves no trace."""
    from contextlib import closing
    from datetime import UTC, datetime

    from feature_repo import request_words
    from serving.bundles import Bundle
    from serving.bundles.aliases import version_folder
    from serving.errors import BundleRefused
    from serving.eventlog.opening import open_eventlog
    from serving.explain import why
    from serving.record.request import AdRequest

    what = what.encode("utf-8", "replace").decode()  # a byte that is no text in the shell's encoding arrives as half a character
    with closing(open_eventlog(settings)) as log:
        decision = log.decision(what)
    if decision is None:
        ts = at or datetime.now(UTC)
        where, spoken = request_words.region(region), request_words.language(language)
        decision = _decide(settings, AdRequest("explain", "search", user, ts, "", device, "", where, spoken, what, slots, 60_000))
    head, _, version = decision.policy.partition("@")
    bundle = None
    if version:
        try:
            bundle = Bundle.load(version_folder(settings.home.bundles, head, version))
        except BundleRefused:
            bundle = None
    found = why(decision, bundle)
    emit({"why": found}, as_json, story(found))


def _decide(settings: Settings, request: AdRequest) -> Decision:
    """What the served models and catalogue decide just now; nothing is recorded. Raises Missing before the first publication."""
    from pipelines.errors import Missing
    from serving.engine.engine import Engine
    from serving.ledger.opening import open_ledger
    from serving.surfaces.search import search
    from serving.understanding.lazy_profiles import LazyProfiles
    from serving.worker.reload import Reloader

    reloader = Reloader(settings)
    reloader.refresh()
    if reloader.live.snapshot is None:
        raise Missing(
            "decision, or a catalogue to search in", request.query, "Publish features: `placard features publish --partition DAY`."
        )
    ledger = open_ledger(settings)
    try:
        return Engine({"search": search(LazyProfiles(settings), ledger, settings)}, settings).decide(request, reloader.live)
    finally:
        ledger.close()


def story(found: Why) -> list[str]:
    """The explanation as lines for a person."""
    from rich.markup import escape

    lines = [f"decision {found.decision_id}: {found.rung}, ranked by {found.policy or 'nothing'}, catalogue {found.snapshot}"]
    lines += [escape(line) for line in found.understanding]
    lines += [escape(line) for line in found.refused]
    lines += [f"  {count:>9,}  {escape(step)}" for step, count in found.funnel]
    for ad in found.ads:
        lines.append(f"[bold]{ad.position}. {escape(ad.creative_id)}[/]  {escape(ad.score)}")
        lines += [f"   {escape(words)}" for words in (ad.text_words, ad.match_words, ad.quality_words, ad.price_words) if words]
        lines += [f"   {c.log_odds:+.3f}  {escape(c.feature)} = {c.value:.4g}" for c in ad.contributions]
    if found.no_ad_reason:
        lines.append(f"no ad: {escape(found.no_ad_reason)}")
    if found.runners_up:
        lines.append(f"next: {escape('; '.join(found.runners_up))}")
    if found.flags:
        lines.append(f"flags: {escape(', '.join(found.flags))}")
    return lines


def register(app: typer.Typer) -> None:
    app.command("explain", epilog=example('placard explain "cheap telescope" --region coast --language en'))(explain)
