"""Every setting, typed, in one place; the only reader of the environment.

Order of precedence: environment (PLACARD_...), then `placard.toml` in the state folder, then the default here.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Final, Literal, get_origin

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from feature_repo.addresses import without_password
from feature_repo.home import Home
from serving.errors import ServingError
from serving.room_settings import (
    AttributionSettings,
    CacheSettings,
    DeliverySettings,
    EngineSettings,
    EventLogSettings,
    FeatureSettings,
    GateSettings,
    HttpSettings,
    IngestSettings,
    IntegritySettings,
    LanguageSettings,
    PrecisionSettings,
    RetentionSettings,
    Room,
    SourcingSettings,
    StoreSettings,
    SurfaceSettings,
    TrainingSettings,
    WorkerSettings,
)

CONFIG_FILE: Final = "placard.toml"


def state_folder() -> Path:
    """PLACARD_HOME, or .placard in the working directory."""
    return Path(os.environ.get("PLACARD_HOME", ".placard")).absolute()


class Settings(BaseSettings):
    """Placard's configuration, by room. In the environment, in the file, as keywords and in `changed`, each setting has its own name
    without the room's: `PLACARD_PORT`, `port = 8080`, `Settings(port=8080)` are read as `settings.http.port`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    home_path: Path = Field(default_factory=state_folder, alias="PLACARD_HOME", description="State folder")
    profile: Literal["embedded", "cluster"] = Field("embedded", description="embedded: SQLite and DuckDB; cluster: Redis")
    seed: int = Field(7, description="Seed of every random choice that is not exploration")
    threads: int = Field(2, ge=1, description="Threads of offline work")

    http: HttpSettings = HttpSettings()
    engine: EngineSettings = EngineSettings()
    sourcing: SourcingSettings = SourcingSettings()
    integrity: IntegritySettings = IntegritySettings()
    precision: PrecisionSettings = PrecisionSettings()
    delivery: DeliverySettings = DeliverySettings()
    language: LanguageSettings = LanguageSettings()
    surfaces: SurfaceSettings = SurfaceSettings()
    worker: WorkerSettings = WorkerSettings()
    attribution: AttributionSettings = AttributionSettings()
    eventlog: EventLogSettings = EventLogSettings()
    stores: StoreSettings = StoreSettings()
    caches: CacheSettings = CacheSettings()
    ingest: IngestSettings = IngestSettings()
    retention: RetentionSettings = RetentionSettings()
    features: FeatureSettings = FeatureSettings()
    training: TrainingSettings = TrainingSettings()
    gates: GateSettings = GateSettings()

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)

    @field_validator("home_path")
    @classmethod
    def _no_question_mark(cls, path: Path) -> Path:
        """In the address of a SQLite file, as MLflow takes it, the path ends at a question mark: two folders would share one registry."""
        if "?" in str(path):
            raise ValueError("the path of a state folder may not hold a question mark")
        return path

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, state_folder() / CONFIG_FILE)
        return tuple(InitSettingsSource(settings_cls, by_room(flat)) for flat in (init_settings(), from_environment(), file()))

    @cached_property
    def home(self) -> Home:
        return Home(self.home_path)

    def value(self, name: str) -> object:
        """A setting by its own name."""
        room = ROOMS[name]
        return getattr(getattr(self, room) if room else self, name)

    def changed(self, **values: object) -> Settings:
        """These settings, but for some, by their own names. Raises KeyError for one that there is not."""
        update: dict[str, object] = {}
        for key, new in by_room(values).items():
            if key in ROOMS:
                update[key] = new
            elif isinstance(new, dict) and key in ROOMS.values():
                update[key] = getattr(self, key).model_copy(update=new)
            else:
                raise KeyError(key)
        made = self.model_copy(update=update)
        made.__dict__.pop("home", None)  # it is remembered, and the folder may be another now
        return made


def _declared() -> dict[str, tuple[str, FieldInfo]]:
    out: dict[str, tuple[str, FieldInfo]] = {}
    for name, field in Settings.model_fields.items():
        room = field.annotation
        if isinstance(room, type) and issubclass(room, Room):
            out |= {inner: (name, declared) for inner, declared in room.model_fields.items()}
        else:
            out[name] = ("", field)
    return out


FIELDS: Final = _declared()
"""Every setting's room ("" for none) and declaration, by its own name."""
ROOMS: Final = {name: room for name, (room, _) in FIELDS.items()}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "PLACARD_HOME" if name == "home_path" else f"PLACARD_{name.upper()}"


def by_room(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their own names, those of a room together under its name; what is no setting stays as it is, and is refused."""
    out: dict[str, Any] = {}
    for name, value in flat.items():
        room = ROOMS.get(name, "")
        if room:
            out.setdefault(room, {})[name] = value
        else:
            out[name] = value
    return out


def from_environment() -> dict[str, Any]:
    """The settings that the environment names, in upper or lower case. Lists are written as JSON."""
    given = {key.upper(): value for key, value in os.environ.items()}
    out: dict[str, Any] = {}
    for name, (_, field) in FIELDS.items():
        if variable(name) in given:
            listed = get_origin(field.annotation) is tuple
            try:
                out[field.alias or name] = json.loads(given[variable(name)]) if listed else given[variable(name)]
            except ValueError as error:
                raise ServingError(f"setting {name}", given[variable(name)], f"It is not a JSON list: {error}.") from None
    return out


@dataclass(frozen=True)
class Origin:
    """One setting for `placard config show`; a secret's value is masked, an address has no password."""

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
        name = next((str(part) for part in first["loc"] if part not in ROOMS.values()), "settings")
        raise ServingError(f"setting {name}", first.get("input"), f"{first['msg']}; `placard config show` lists every setting.") from None
    except TOMLDecodeError as error:
        raise ServingError("configuration file", str(state_folder() / CONFIG_FILE), f"It is not TOML: {error}.") from None


def origins() -> list[Origin]:
    """Where each setting in force comes from."""
    settings, file = load(), state_folder() / CONFIG_FILE
    written = tomllib.loads(file.read_text()) if file.exists() else {}
    rows = []
    for name, (_, field) in FIELDS.items():
        if variable(name) in {key.upper() for key in os.environ}:
            origin = f"environment {variable(name)}"
        elif name in written:
            origin = str(file)
        else:
            origin = "default"
        value = str(settings.value(name))
        rows.append(Origin(name, without_password(value) if "://" in value else value, origin, field.description or ""))
    return rows


PROMETHEUS_FILES: Final = ("PROMETHEUS_MULTIPROC_DIR", "PROMETHEUS_MULTIPROCESS_DIR")
"""Feast sets these for whoever is started after it; metrics_board.py adds workers up without such files."""


def child_environment(**extra: str) -> dict[str, str]:
    """The environment for a process that we start: ours, with `extra` on top."""
    return {name: value for name, value in os.environ.items() if name not in PROMETHEUS_FILES} | extra


def export(settings: Settings) -> None:
    """Writes settings into the environment, so that worker processes load the same."""
    for name in FIELDS:
        value = settings.value(name)
        if isinstance(value, tuple):
            os.environ[variable(name)] = json.dumps([_plain(one) for one in value])
        elif value is not None:
            os.environ[variable(name)] = str(_plain(value))


def _plain(value: object) -> object:
    """A value with its secret in the open, where it has one."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def silence_telemetry() -> None:
    """The libraries underneath send no usage data from this process or its children, keep no metrics files of their own, and write nothing
    to standard output, where a verb's one object goes: MLflow tells there where each run is seen."""
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", GX_ANALYTICS_ENABLED="false", FEAST_USAGE="False")
    os.environ.update(MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true")
    for name in PROMETHEUS_FILES:
        os.environ.pop(name, None)


def yield_cores() -> None:
    """OpenMP's threads (XGBoost, LightGBM, torch) sleep where they wait for each other, unless the environment says otherwise. By
    default they spin, and several fits on the same cores take many times as long together as one after the other. To be called
    before any of these libraries is loaded."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
