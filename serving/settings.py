"""Every setting, typed, in one place; the only reader of the environment.

Order of precedence: environment (PLACARD_...), then `placard.toml` in the state folder, then the default here.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from feature_repo.home import Home
from serving.errors import ServingError

CONFIG_FILE: Final = "placard.toml"


def state_folder() -> Path:
    """PLACARD_HOME, or .placard in the working directory."""
    return Path(os.environ.get("PLACARD_HOME", ".placard")).absolute()


class Settings(BaseSettings):
    """Placard's configuration."""

    model_config = SettingsConfigDict(env_prefix="PLACARD_", extra="forbid", frozen=True, populate_by_name=True)

    home_path: Path = Field(default_factory=state_folder, alias="PLACARD_HOME", description="State folder")
    profile: Literal["embedded", "cluster"] = Field("embedded", description="embedded: SQLite and DuckDB; cluster: Redis")
    seed: int = Field(7, description="Seed of every random choice that is not exploration")
    threads: int = Field(2, ge=1, description="Threads of offline work")

    host: str = Field("127.0.0.1", description="Address to bind; anything but loopback needs a token")
    port: int = Field(8080, ge=0, le=65535, description="Port of the API; 0 picks a free one")
    workers: int = Field(1, ge=1, description="Serving processes")
    token: SecretStr | None = Field(None, description="Bearer token for decisions, metrics and non-loopback binds")
    max_body_bytes: int = Field(256 * 1024, ge=1024, description="Largest request body")

    tmax_ms: int = Field(100, ge=1, description="Default deadline of a request")
    candidates: int = Field(1000, ge=1, description="Most ads that are scored for a request")
    explore_share: float = Field(0.02, ge=0, le=1, description="Share of slates drawn at random, with propensities")
    reserve_micros: int = Field(50_000, ge=0, description="Least eCPM where a placement names none, micros per thousand")
    speculative: bool = Field(True, description="With an alias `fast`: ask the champion only where the fast model leaves a place open")
    speculative_confidence: float = Field(0.85, ge=0.5, lt=1, description="How certain a candidate's place must be to skip the champion")
    primary_batch: int = Field(
        64, ge=16, description="Candidates in a call of the champion that speculates; the deadline is looked at between calls"
    )
    primary_at_once: int = Field(32, ge=1, description="Calls of the champion at once in a worker; beyond them the fallback answers")
    swap_poll_seconds: float = Field(1.0, gt=0, description="How often a worker looks for a new model or snapshot")
    shadow_queue: int = Field(256, ge=0, description="Decisions that may wait for each shadow; more are dropped; 0: no shadow scores")
    mlflow_uri: str = Field("", description="MLflow's database or server; default: SQLite in the state folder")
    redis_url: str = Field("redis://127.0.0.1:6379/0?socket_timeout=1", description="State and online store when clustered")

    semantic_quota: int = Field(200, ge=0, description="Search ads found by meaning, whatever keywords find")
    semantic_below: int = Field(300, ge=0, description="Search ads below which more are found by meaning")
    text_encoder_path: str = Field("", description="Folder with model.onnx and tokenizer.json: encodes instead of the learned text encoder")
    top_slots: int = Field(2, ge=0, description="Search ads above the results; the others stand below")
    top_factor: float = Field(1.5, ge=1, description="How many times the floor a search ad's rank score must be to stand above")
    informational_slots: int = Field(1, ge=0, description="Fewest slots of a search that only wants to know")
    one_ad_per_advertiser: bool = Field(True, description="On a page of search ads")
    rival_brand_ads: bool = Field(False, description="Show others' ads to who searches for one brand by name")
    least_relevance: float = Field(0.15, ge=0, le=1, description="Probability that a query is of an ad's category for the ad to be shown")
    blocked_terms: tuple[str, ...] = Field((), description="Words that are never inserted into an ad's text")

    search_plugin_sources: tuple[str, ...] = Field((), description="Sources of other distributions that search asks too, by entry point")
    search_plugin_rules: tuple[str, ...] = Field((), description="Rules of other distributions that search ads must keep, by entry point")
    proactive_plugin_sources: tuple[str, ...] = Field((), description="The same sources, for proactive suggestions")
    proactive_plugin_rules: tuple[str, ...] = Field((), description="The same rules, for proactive suggestions")

    sources: tuple[str, ...] = Field(("simulator", "serving"), description="Logs that `ingest day` collects every day")
    embeddings: Literal["factorisation", "two_tower"] = Field(
        "factorisation", description="What makes the vectors of users and ads; two_tower needs `make train-env`"
    )
    label_maturity_hours: int = Field(24, ge=0, description="A label counts once its window has passed")
    negative_rate: float = Field(0.25, gt=0, le=1, description="Share of negatives kept in training")
    require_evidence: bool = Field(
        False, description="Promotions over a champion need every gate measured: shadow, off-policy value and skew, too"
    )
    train_command: str = Field("", description="`placard` of the environment with torch; default: .venv-train beside this one")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, state_folder() / CONFIG_FILE)

    @cached_property
    def home(self) -> Home:
        return Home(self.home_path)


@dataclass(frozen=True)
class Origin:
    """One setting for `placard config show`; a secret's value is masked."""

    name: str
    value: str
    origin: str
    meaning: str


def load() -> Settings:
    """The settings in force. Raises ServingError naming the setting, its value and what fits."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise ServingError(f"setting {name}", first.get("input"), f"{first['msg']}; `placard config show` lists every setting.") from None
    except TOMLDecodeError as error:
        raise ServingError("configuration file", str(state_folder() / CONFIG_FILE), f"It is not TOML: {error}.") from None


def origins() -> list[Origin]:
    """Where each setting in force comes from."""
    settings, file = load(), state_folder() / CONFIG_FILE
    written = tomllib.loads(file.read_text()) if file.exists() else {}
    rows = []
    for name, field in Settings.model_fields.items():
        variable = "PLACARD_HOME" if name == "home_path" else f"PLACARD_{name.upper()}"
        if variable in {key.upper() for key in os.environ}:
            origin = f"environment {variable}"
        elif name in written:
            origin = str(file)
        else:
            origin = "default"
        rows.append(Origin(name, str(getattr(settings, name)), origin, field.description or ""))
    return rows


PROMETHEUS_FILES: Final = ("PROMETHEUS_MULTIPROC_DIR", "PROMETHEUS_MULTIPROCESS_DIR")
"""Feast sets these for whoever is started after it; metrics_board.py adds workers up without such files."""


def child_environment(**extra: str) -> dict[str, str]:
    """The environment for a process that we start: ours, with `extra` on top."""
    return {name: value for name, value in os.environ.items() if name not in PROMETHEUS_FILES} | extra


def export(settings: Settings) -> None:
    """Writes settings into the environment, so that worker processes load the same."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        variable = "PLACARD_HOME" if name == "home_path" else f"PLACARD_{name.upper()}"
        if isinstance(value, SecretStr):
            os.environ[variable] = value.get_secret_value()
        elif isinstance(value, tuple):
            os.environ[variable] = json.dumps(value)
        elif value is not None:
            os.environ[variable] = str(value)


def silence_telemetry() -> None:
    """The libraries underneath send no usage data from this process or its children, and keep no metrics files of their own."""
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", GX_ANALYTICS_ENABLED="false", FEAST_USAGE="False")
    for name in PROMETHEUS_FILES:
        os.environ.pop(name, None)


def yield_cores() -> None:
    """OpenMP's threads (XGBoost, LightGBM, torch) sleep where they wait for each other, unless the environment says otherwise. By
    default they spin, and several fits on the same cores take many times as long together as one after the other. To be called
    before any of these libraries is loaded."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
