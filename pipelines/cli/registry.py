"""`placard registry`: versions, their roles, who served when and why, and which are kept out of the auction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import arguments
from pipelines.cli.options import At, Day, Head, Json, RankerOrAuto, RegisteredHead, SomeRegisteredHead, Version, Watch, Why, example
from pipelines.cli.output import emit, prepared, tell
from pipelines.cli.watching import watch as look_again

if TYPE_CHECKING:
    from serving.settings import Settings

LIST = example("placard registry list")
group = typer.Typer(no_args_is_help=True, epilog=LIST, help="Registered models, their aliases, refusals and history.")


@group.command("register", epilog=example("placard registry register --partition 2026-01-31 --ranker xgboost_slim --alias shadow"))
@prepared
def add(
    settings: Settings,
    day: Day,
    head: Head = "click",
    ranker: RankerOrAuto = "xgboost",
    alias: Annotated[
        str, typer.Option("--alias", parser=arguments.candidate_alias, metavar="ROLE", help="challenger, shadow or any shadow_NAME.")
    ] = "challenger",
    as_json: Json = False,
) -> None:
    """Register an evaluated candidate that passed its gates (exit 3 when it did not). The day is the one that it was trained on.

    The same candidate again is the same version. A challenger that was trained on later days keeps its role; `placard registry alias` and
    `placard promote` take an older version by its number.
    """
    from pipelines.promotion.register import register_candidate
    from pipelines.training.choice import named

    version = register_candidate(settings, head, day, named(settings.home, head, day, ranker), alias)
    said = f"is @{alias}" if alias in version.aliases else f"is registered; @{alias} stays with who has it, or had this version before"
    emit({"registered": version}, as_json, f"{head} {version.version} {said}")


@group.command("list", epilog=LIST)
@prepared
def show(settings: Settings, as_json: Json = False) -> None:
    """Every registered version with its aliases and metrics, and why it is kept out of the auction; also where MLflow has other aliases
    than serving."""
    from rich.markup import escape

    from pipelines.registry.alias_differences import compared
    from pipelines.registry.listing import versions

    found, mlflow = versions(settings), compared(settings)
    lines = []
    for v in found:
        lines.append(f"{v.head} {v.version} {v.ranker} {' '.join('@' + a for a in v.aliases)}  {v.figures}")
        lines += [f"  [red]refused[/]: {escape(v.refused)}"] if v.refused else []
    lines = lines or ["nothing registered yet"]
    lines += [f"[yellow]MLflow differs[/]: {escape(d.line)}; `placard registry reconcile` decides" for d in mlflow.differences]
    lines += [f"[yellow]not compared with MLflow[/]: {escape(mlflow.unread)}"] if mlflow.unread else []
    emit({"versions": found, "mlflow": mlflow}, as_json, lines)


@group.command("history", epilog=example("placard registry history click --at 2026-01-18T14:00:00+00:00"))
@prepared
def changes(settings: Settings, head: SomeRegisteredHead = None, at: At = None, as_json: Json = False) -> None:
    """Which model was in production when, and why. With a moment: who served then."""
    from rich.markup import escape

    from pipelines.registry.journal import in_production
    from pipelines.registry.listing import history

    found = history(settings, head or "")
    if at:
        then = in_production(found, at)
        lines = [f"{c.head} {c.version} since {c.at}: {escape(c.why)}" for c in then.values()]
        emit({"at": at, "production": then}, as_json, lines or ["nothing served then"])
        return
    emit({"changes": found}, as_json, [escape(c.line) for c in found] or ["nothing yet"])


@group.command("alias", epilog=example("placard registry alias click 2 fast"))
@prepared
def alias(
    settings: Settings,
    head: RegisteredHead,
    version: Version,
    name: Annotated[str, typer.Argument(parser=arguments.hand_alias, metavar="ROLE", help="The alias.")],
    as_json: Json = False,
) -> None:
    """Point an alias at a version: fallback and fast (the tiers below the champion), challenger, shadow or any shadow_NAME. Champions
    are made by `promote` and `rollback` alone."""
    from pipelines.registry.roles import set_alias

    set_alias(settings, head, name, version, "set by hand")
    emit({"head": head, "version": version, "alias": name}, as_json, f"{head} {version} is @{name}")


@group.command("refuse", epilog=example('placard registry refuse click 7 --why "clicks fell"'))
@prepared
def refuse(settings: Settings, head: RegisteredHead, version: Version, why: Why, as_json: Json = False) -> None:
    """Keep a version out of the auction; a champion is rolled back. Serving passes it over within seconds."""
    from pipelines.registry.refusal import refuse as keep_out

    champion = keep_out(settings, head, version, why)
    emit({"head": head, "refused": version, "champion": champion}, as_json, f"{head} {version} is refused; champion: {champion or 'none'}")


@group.command("admit", epilog=example('placard registry admit click 7 --why "the log was at fault"'))
@prepared
def admit(settings: Settings, head: RegisteredHead, version: Version, why: Why, as_json: Json = False) -> None:
    """Let a refused version into the auction again; it gets no alias by it."""
    from pipelines.registry.refusal import admit as let_in

    let_in(settings, head, version, why)
    emit({"head": head, "admitted": version}, as_json, f"{head} {version} may enter the auction again")


@group.command("reconcile", epilog=example("placard registry reconcile --watch 5"))
@prepared
def reconcile(
    settings: Settings,
    watch: Watch = 0.0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take over the aliases that were moved on MLflow's page, or put them back. A champion must pass the gates of `placard promote`, any
    other role what `placard registry alias` asks; what is put back leaves its reason as a tag of the version. One look exits 3 when
    something was put back."""
    from rich.markup import escape

    from pipelines.promotion.reconcile import reconcile as decide

    if watch:

        def look() -> None:
            for move in decide(settings):
                tell(escape(move.line))

        look_again("MLflow's aliases", watch, look)
    found = decide(settings)
    emit({"moves": found}, as_json, [escape(move.line) for move in found] or ["MLflow has the aliases that serving has"])
    if any(move.refused for move in found):
        raise SystemExit(3)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="registry")
