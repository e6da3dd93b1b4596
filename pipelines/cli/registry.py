"""`placard registry`: versions, their roles, who served when and why, and which are kept out of the auction."""

from __future__ import annotations

import typer

from pipelines.cli.moments import moment
from pipelines.cli.output import emit, guarded

group = typer.Typer(no_args_is_help=True, help="Registered models, their aliases, refusals and history.")
JSON = typer.Option(False, "--json", help="One JSON object.")


@group.command("register")
@guarded
def add(
    partition: str = typer.Option(..., "--partition", help="Day the candidate was trained on."),
    head: str = typer.Option("click", help="click or conversion."),
    ranker: str = typer.Option("xgboost", help="Which candidate."),
    alias: str = typer.Option("challenger", help="challenger, shadow or any shadow_NAME."),
    as_json: bool = JSON,
) -> None:
    """Register an evaluated candidate that passed its gates (exit 3 when it did not)."""
    from feature_repo.days import parse_day
    from pipelines.errors import PipelineError
    from pipelines.promotion.register import register_candidate
    from serving.bundles.aliases import is_shadow
    from serving.settings import load

    if alias != "challenger" and not is_shadow(alias):
        fix = "Use challenger, shadow or shadow_NAME; `placard promote` makes champions, `placard registry alias` the tiers below."
        raise PipelineError("alias", alias, fix)
    version = register_candidate(load(), head, parse_day(partition), ranker, alias)
    emit({"registered": version}, as_json, f"{head} {version.version} is @{alias}")


@group.command("list")
@guarded
def show(as_json: bool = JSON) -> None:
    """Every registered version with its aliases and metrics, and why it is kept out of the auction; also where MLflow has other aliases
    than serving."""
    from rich.markup import escape

    from pipelines.registry.alias_differences import compared
    from pipelines.registry.roles import versions
    from serving.settings import load

    settings = load()
    found, mlflow = versions(settings), compared(settings)
    lines = []
    for v in found:
        lines.append(f"{v.head} {v.version} {v.ranker} {' '.join('@' + a for a in v.aliases)}  {v.figures}")
        lines += [f"  [red]refused[/]: {escape(v.refused)}"] if v.refused else []
    lines = lines or ["nothing registered yet"]
    lines += [f"[yellow]MLflow differs[/]: {escape(d.line)}; serving follows its own" for d in mlflow.differences]
    lines += [f"[yellow]not compared with MLflow[/]: {escape(mlflow.unread)}"] if mlflow.unread else []
    emit({"versions": found, "mlflow": mlflow}, as_json, lines)


@group.command("history")
@guarded
def changes(
    head: str = typer.Argument("", help="click or conversion; default: all."),
    at: str = typer.Option("", "--at", help="A moment, e.g. 2026-01-18 or 2026-01-18T14:00:00+00:00: who served then, and why."),
    as_json: bool = JSON,
) -> None:
    """Which model was in production when, and why."""
    from rich.markup import escape

    from pipelines.registry.journal import in_production
    from pipelines.registry.roles import history
    from serving.settings import load

    found = history(load(), head)
    if at:
        then = in_production(found, moment(at))
        lines = [f"{c.head} {c.version} since {c.at}: {escape(c.why)}" for c in then.values()]
        emit({"at": at, "production": then}, as_json, lines or ["nothing served then"])
        return
    emit({"changes": found}, as_json, [escape(c.line) for c in found] or ["nothing yet"])


@group.command("alias")
@guarded
def alias(head: str, version: str, name: str, as_json: bool = JSON) -> None:
    """Point an alias at a version: fallback and fast (the tiers below the champion), challenger, shadow or any shadow_NAME. Champions
    are made by `promote` and `rollback` alone."""
    from pipelines.errors import PipelineError
    from pipelines.registry.roles import set_alias
    from serving.bundles.aliases import is_alias
    from serving.settings import load

    if name in ("champion", "previous") or not is_alias(name):
        fix = "Use fallback, fast, challenger, shadow or shadow_NAME; `placard promote` and `placard rollback` make champions."
        raise PipelineError("alias", name, fix)
    set_alias(load(), head, name, version, "set by hand")
    emit({"head": head, "version": version, "alias": name}, as_json, f"{head} {version} is @{name}")


@group.command("refuse")
@guarded
def refuse(head: str, version: str, why: str = typer.Option(..., help="For the history and for `why`."), as_json: bool = JSON) -> None:
    """Keep a version out of the auction; a champion is rolled back. Serving passes it over within seconds."""
    from pipelines.registry.refusal import refuse as keep_out
    from serving.settings import load

    champion = keep_out(load(), head, version, why)
    emit({"head": head, "refused": version, "champion": champion}, as_json, f"{head} {version} is refused; champion: {champion or 'none'}")


@group.command("admit")
@guarded
def admit(head: str, version: str, why: str = typer.Option(..., help="For the history."), as_json: bool = JSON) -> None:
    """Let a refused version into the auction again; it gets no alias by it."""
    from pipelines.registry.refusal import admit as let_in
    from serving.settings import load

    let_in(load(), head, version, why)
    emit({"head": head, "admitted": version}, as_json, f"{head} {version} may enter the auction again")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="registry")
