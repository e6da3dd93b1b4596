"""`placard explain DECISION_ID`: why these ads, at these prices."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded


@guarded
def explain(
    decision_id: str = typer.Argument(..., help="The decision_id of an answer."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Print a decision's funnel, prices and strongest features."""
    from contextlib import closing

    from pipelines.errors import Missing
    from serving.bundles import Bundle
    from serving.bundles.aliases import folder
    from serving.deps import open_eventlog
    from serving.errors import BundleRefused
    from serving.explain import why
    from serving.settings import load

    settings = load()
    with closing(open_eventlog(settings)) as log:
        decision = log.decision(decision_id)
    if decision is None:
        raise Missing("decision", decision_id, "Use the decision_id of an answer of POST /v1/ads.")
    head, _, version = decision.policy.partition("@")
    bundle = None
    if version:
        try:
            bundle = Bundle.load(folder(settings.home.bundles, head, version))
        except BundleRefused:
            bundle = None
    found = why(decision, bundle)
    emit({"why": found}, as_json, story(found))


def story(found: object) -> list[str]:
    """The explanation as lines for a person."""
    from rich.markup import escape

    from serving.explain import Why

    assert isinstance(found, Why)
    lines = [f"decision {found.decision_id}: {found.rung}, ranked by {found.policy or 'nothing'}, catalogue {found.snapshot}"]
    lines += [f"  {count:>9,}  {escape(step)}" for step, count in found.funnel]
    for ad in found.ads:
        lines += [f"[bold]{ad.position}. {escape(ad.creative_id)}[/]  {escape(ad.score)}", f"   {escape(ad.price_words)}"]
        lines += [f"   {c.log_odds:+.3f}  {escape(c.feature)} = {c.value:.4g}" for c in ad.contributions]
    if found.runners_up:
        lines.append(f"next: {escape('; '.join(found.runners_up))}")
    if found.flags:
        lines.append(f"flags: {escape(', '.join(found.flags))}")
    return lines


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)
