"""`placard models`, `promote`, `rollback`: which version has which role, and since when."""

from __future__ import annotations

import typer

from pipelines.cli.output import emit, guarded

group = typer.Typer(no_args_is_help=True, help="Registered models, their aliases and their history.")
JSON = typer.Option(False, "--json", help="One JSON object.")


@group.command("register")
@guarded
def add(
    partition: str = typer.Option(..., "--partition", help="Day the candidate was trained on."),
    head: str = typer.Option("click", help="click or conversion."),
    ranker: str = typer.Option("xgboost", help="Which candidate."),
    alias: str = typer.Option("challenger", help="challenger or shadow."),
    as_json: bool = JSON,
) -> None:
    """Register an evaluated candidate that passed its gates (exit 3 when it did not)."""
    from feature_repo.sources import parse_day
    from pipelines.training import register as register_candidate
    from serving.settings import load

    version = register_candidate(load(), head, parse_day(partition), ranker, alias)
    emit({"registered": version}, as_json, f"{head} {version.version} is @{alias}")


@group.command("list")
@guarded
def show(as_json: bool = JSON) -> None:
    """Every registered version with its aliases and metrics."""
    from pipelines.registry import versions
    from serving.settings import load

    found = versions(load())
    lines = [f"{v.head} {v.version} {v.ranker} {' '.join('@' + a for a in v.aliases)}  {v.figures}" for v in found]
    emit({"versions": found}, as_json, lines or ["nothing registered yet"])


@group.command("history")
@guarded
def changes(head: str = typer.Argument("", help="click or conversion; default: all."), as_json: bool = JSON) -> None:
    """Which version was in production when, and why."""
    from pipelines.registry import history
    from serving.settings import load

    found = history(load(), head)
    lines = [f"{c.at} {c.head} @{c.alias}: {c.before or 'none'} → {c.version or 'none'}  {c.why}" for c in found]
    emit({"changes": found}, as_json, lines or ["nothing yet"])


@group.command("alias")
@guarded
def alias(head: str, version: str, name: str, as_json: bool = JSON) -> None:
    """Point an alias (champion, challenger, shadow, previous) at a version."""
    from pipelines.errors import PipelineError
    from pipelines.registry import ALIASES, set_alias
    from serving.settings import load

    if name not in ALIASES:
        raise PipelineError("alias", name, f"Use one of: {', '.join(ALIASES)}.")
    set_alias(load(), head, name, version, "set by hand")
    emit({"head": head, "version": version, "alias": name}, as_json, f"{head} {version} is @{name}")


@guarded
def promote(
    head: str = typer.Argument(..., help="click or conversion."),
    version: str = typer.Argument("", help="Default: the challenger."),
    why: str = typer.Option("", help="For the history."),
    as_json: bool = JSON,
) -> None:
    """Make a version champion; serving takes it up within seconds."""
    from pipelines.registry import promote as make_champion
    from serving.settings import load

    change = make_champion(load(), head, version, why)
    emit({"change": change}, as_json, f"{head}: champion {change.before or 'none'} → {change.version}")


@guarded
def rollback(
    head: str = typer.Argument(..., help="click or conversion."),
    why: str = typer.Option("rolled back", help="For the history."),
    as_json: bool = JSON,
) -> None:
    """Bring the previous champion back."""
    from pipelines.registry import rollback as bring_back
    from serving.settings import load

    change = bring_back(load(), head, why)
    emit({"change": change}, as_json, f"{head}: champion {change.before} → {change.version}")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="models")
    app.command("promote")(promote)
    app.command("rollback")(rollback)
