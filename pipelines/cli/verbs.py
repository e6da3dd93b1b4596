"""The verbs of `placard` by name. A verb's module is imported when the verb is called: `placard --help` reads this list alone."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem

VERBS: Final[dict[str, str]] = {
    "simulate": "Simulate a market with known truth: event logs, a catalogue, and (apart) the truth.",
    "ingest": "Map a log to the event tables: raw copy kept, malformed rows quarantined, every row landed once.",
    "features": "Build, check and publish feature tables.",
    "language": "The models of search: what queries mean, and texts as vectors.",
    "train": "Join labels to the features known at their time, split by time, fit, calibrate, write a candidate bundle.",
    "tune": "Search parameters on the calibrate split; trials go to MLflow, the best so far is what `placard train` uses from then on.",
    "evaluate": "Evaluate a candidate on later rows beside the champion, the baseline and (on simulated logs) the truth.",
    "compare": "Compare two models on the same rows, paired: each metric, the difference with its interval, and who is ahead beyond noise.",
    "ope": "Each estimator with its interval and effective sample size, and a verdict; exit 3 where the log tells too little.",
    "gate": "Show the gates of an evaluated candidate; exit 3 when one fails.",
    "registry": "Registered models, their aliases, refusals and history.",
    "promote": "Show what is known of a version and make it champion when every gate holds (exit 3 when one does not).",
    "rollback": "Remove the champion: the version that served last in good standing comes back.",
    "shadow": "The shadow model against the champion on what was served.",
    "quality": "Reports on features and predictions, as JSON and a page under reports/.",
    "guard": "Hold the champion to its guardrails.",
    "campaigns": "Take a campaign's ads down at once, and let them run again.",
    "ledger": "The ledger of spend: whether it is the right one, and taking another for it.",
    "retention": "Days of events, features and training sets: move old ones to the cold tier, bring one back.",
    "eventlog": "What was served: export a day, and remove days that are kept no longer.",
    "serve": "Serve ads until Ctrl-C.",
    "explain": "Print a decision's understanding, funnel, prices and strongest features.",
    "bench": "Benchmarks, as JSON.",
    "plan": "Plan shards, tiers, servers and their settings for so many users and requests; where a key lies.",
    "demo": "Simulate two weeks, build, train, promote, serve, explain: the whole loop.",
    "up": "Start Airflow (real scheduler), MLflow, the API and its guards on loopback; end all of them on Ctrl-C.",
    "dags": "The DAGs that come with this installation.",
    "doctor": "Check versions, ports, disk, the state folder, stores, fresh features, models and the catalogue.",
    "config": "Show the configuration.",
}
"""Name of a module of pipelines/cli, in the order of `placard --help` → the first sentence of its help. The module has register(app)."""


def loaded(name: str) -> Command:
    """The command of a verb, its module imported now."""
    part = typer.Typer(rich_markup_mode=None)
    import_module(f"pipelines.cli.{name}").register(part)
    return get_group(part).commands[name]


class Verbs(TyperGroup):
    """The group behind `placard`: knows its verbs' names and first sentences without importing them."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name in VERBS and cmd_name not in self.commands:
            self.commands[cmd_name] = loaded(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        near = get_close_matches(args[0], VERBS)
        if args[0] not in VERBS and near and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {', '.join(map(repr, near))}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.shell_completion import CompletionItem

        found: list[CompletionItem] = [CompletionItem(name, help=says) for name, says in VERBS.items() if name.startswith(incomplete)]
        return found or self._options(ctx, incomplete)

    def _options(self, ctx: Context, incomplete: str) -> list[Any]:
        """Completions of the group's own options, which start with a dash."""
        return super(TyperGroup, self).shell_complete(ctx, incomplete)
