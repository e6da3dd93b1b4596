"""Every setting, typed, in one place; the only reader of the environment.

Order of precedence: environment (PLACARD_...), then `placard.toml` in the state folder, then the default here.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from feature_repo.sources import Home


def state_folder() -> Path:
    """PLACARD_HOME, or .placard in the working directory."""
    return Path(os.environ.get("PLACARD_HOME", ".placard")).absolute()


class Settings(BaseSettings):
    """Placard's configuration."""

    model_config = SettingsConfigDict(env_prefix="PLACARD_", extra="forbid", frozen=True)

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
    swap_poll_seconds: float = Field(1.0, gt=0, description="How often a worker looks for a new model or snapshot")
    shadow_queue: int = Field(256, ge=0, description="Requests waiting for shadow scoring; more are dropped")
    redis_url: str = Field("redis://127.0.0.1:6379/0?socket_timeout=1", description="State and online store when clustered")

    sources: tuple[str, ...] = Field(("simulator", "serving"), description="Logs that `ingest day` collects every day")
    label_maturity_hours: int = Field(24, ge=0, description="A label counts once its window has passed")
    negative_rate: float = Field(0.25, gt=0, le=1, description="Share of negatives kept in training")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, state_folder() / "placard.toml")

    @cached_property
    def home(self) -> Home:
        return Home(self.home_path)
