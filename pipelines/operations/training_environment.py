"""Hands a fit to the environment that has what its ranker needs, torch, LightGBM or CatBoost: the platform's own stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from pipelines.errors import Missing, PipelineError, Refused
from serving.settings import Settings, child_environment

RAISED: Final[dict[int, type[PipelineError]]] = {kind.exit_code: kind for kind in (Refused, Missing)}


def command_of(settings: Settings) -> Path:
    """The training environment's `placard`: the setting's, or the one in .venv-train beside the running environment."""
    command = settings.training.train_command
    return Path(command) if command else Path(sys.prefix).with_name(".venv-train") / "bin" / "placard"


def has(settings: Settings, module: str) -> bool:
    """Whether there is a training environment, and the module is installed there. An environment of a command of one's own is taken to
    have it."""
    command = command_of(settings)
    if not command.exists():
        return False
    return bool(settings.training.train_command) or any(command.parents[1].glob(f"lib/python*/site-packages/{module}"))


def require(settings: Settings) -> Path:
    """The training environment's `placard`. Raises Refused when there is no such environment beside the running one."""
    command = command_of(settings)
    if not command.exists() or command.parent.resolve() == Path(sys.executable).parent.resolve():
        raise Refused(
            "training environment",
            str(command),
            "What is asked for is not installed here: run `make train-env`, or set PLACARD_TRAIN_COMMAND.",
        )
    return command


def hand_over(settings: Settings, *argv: str, shown: bool = False, **extra: str) -> None:
    """Runs a verb in the training environment, its progress on our standard error; shown: its result on our output too.
    extra: more of its environment.

    Raises Refused when there is no such environment, and what the verb ended with.
    """
    command = require(settings)
    environment = child_environment(PLACARD_HOME=str(settings.home.root), **extra)
    status = subprocess.run([str(command), *argv], stdout=None if shown else subprocess.DEVNULL, env=environment).returncode
    if status:
        raise RAISED.get(status, PipelineError)(f"{command} {argv[0]}", status, "Its own message stands above.")
