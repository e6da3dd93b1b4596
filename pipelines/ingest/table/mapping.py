"""Which columns of a table are what: a mapping, as a person writes it in YAML.

    as: impressions                 # what a row is: vocabulary.py
    source: shop                    # the name that its rows bear; tables of one source refer to each other's ids
    columns:                        # a field of the vocabulary: the table's column, several that make it together, or more about it
      user: [ip, device]
      item: sku
      ts: {column: event_time, time: iso, zone: Europe/Berlin}
      clicked: {column: outcome, values: {hit: "true", miss: "false"}}
    constants: {surface: feed}      # fields that no column holds
    only: {country: [DE, AT]}       # rows that are read: those of which the column holds one of the words
    file: {delimiter: ";", encoding: latin-1}

Unknown keys, fields and zones are refused, each with what is known.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.ingest.format import IngestError
from pipelines.ingest.stated import IMPLIED
from pipelines.ingest.table.vocabulary import FIELDS, MappedField

SOURCE_NAME: Final = r"[a-z0-9][a-z0-9-]{0,39}"
RESERVED: Final = ("serving", "simulator", "day", "table")
LARGEST_MAPPING: Final = 1 << 20
TIME_WORDS: Final = ("iso", "epoch_s", "epoch_ms", "epoch_us")


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(word, names, n=1)
    return f"Known: {', '.join(names)}." + (f" Did you mean {near[0]}?" if near else "")


def _text(value: object) -> object:
    """A word that YAML reads as something else: 1, true, 2026-01-31."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, str | dict | list) else str(value)


Word = Annotated[str, BeforeValidator(_text)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class TableColumn(_Part):
    """A column and how its cells are to be read. Several columns make one text: an identity with colons between,
    words with spaces, a list with bars.

    time: `iso` (with or without an offset), `epoch_s`, `epoch_ms`, `epoch_us`, or a pattern with % as strptime has it. zone: of times that
    bear no offset. values: what its words mean, in the words of the field. unit: of money, `currency` (1.5 is one and a half) or `micros`.
    optional: the file may lack it.
    """

    column: Annotated[tuple[Word, ...], BeforeValidator(lambda given: given if isinstance(given, list | tuple) else [given])] = Field(
        min_length=1, max_length=10
    )
    time: str = "iso"
    zone: str | None = None
    values: dict[Word, Word] = Field(default_factory=dict)
    unit: Literal["currency", "micros"] = "currency"
    optional: bool = False

    @property
    def name(self) -> str:
        """The column as it is told to people, and under which its cells are found."""
        return " + ".join(self.column)

    @field_validator("time")
    @classmethod
    def _known_time(cls, time: str) -> str:
        if time not in TIME_WORDS and "%" not in time:
            raise ValueError(f"{time!r} is none of {', '.join(TIME_WORDS)}, and no pattern with %, such as %d.%m.%Y %H:%M")
        return time

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            near = get_close_matches(zone, sorted(available_timezones()), n=1)
            raise ValueError(
                f"{zone!r} is no zone of the tz database" + (f"; did you mean {near[0]}?" if near else ", such as Europe/Berlin")
            )
        return zone


class TableFile(_Part):
    """How the file is written. What is left out is seen in the file: its form, whether and how it is compressed, the delimiter.

    skip: lines before the header, a report's title, say. header: the columns of a delimited file without a line of names. nulls: words that
    stand for nothing. decimal: what stands before the fraction of a number; groups of three digits may be parted by the other of comma and
    point, an apostrophe or a space.
    """

    form: Literal["csv", "json", "parquet"] | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    escape: str = Field(default='"', max_length=1)
    encoding: str = "utf-8"
    skip: int = Field(default=0, ge=0, le=1000)
    header: tuple[Word, ...] = ()
    nulls: tuple[str, ...] = ("", "NULL", "null", "\\N")
    decimal: Literal[".", ","] = "."

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            text = codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"{encoding!r} is no encoding that is known, such as utf-8, utf-16, latin-1, cp1252, shift_jis") from None
        if not getattr(text, "_is_text_encoding", True):
            raise ValueError(f"{encoding!r} is no encoding of text")
        return text.name

    @field_validator("delimiter")
    @classmethod
    def _splits(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (delimiter in '"\r\n' or delimiter.isalnum()):
            raise ValueError(f"{delimiter!r} cannot stand between cells")
        return delimiter


class TableMapping(_Part):
    """A whole mapping. What else the columns of a file are good for, as features or as counts, is said in keys of their own beside
    `columns`."""

    as_: str = Field(alias="as")
    source: str = Field(default="table", pattern=rf"\A{SOURCE_NAME}\z")
    columns: dict[str, TableColumn] = Field(min_length=1)
    constants: dict[str, Word] = Field(default_factory=dict)
    only: dict[Word, tuple[Word, ...]] = Field(default_factory=dict)
    zone: str | None = None
    time: str = "iso"
    file: TableFile = TableFile()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: Any) -> Any:
        """`user: member_id` stands for `user: {column: member_id}`; time and zone of the mapping are those of each time that has none."""
        if not isinstance(given, Mapping) or not isinstance(given.get("columns"), Mapping):
            return given
        usual = {key: given[key] for key in ("time", "zone") if given.get(key) is not None}
        known = FIELDS.get(str(given.get("as")), {})

        def column(name: str, rule: Any) -> Any:
            whole = dict(rule) if isinstance(rule, Mapping) else {"column": rule}
            return usual | whole if name in known and known[name].kind == "time" else whole

        return {**given, "columns": {name: column(name, rule) for name, rule in given["columns"].items()}}

    @model_validator(mode="after")
    def _of_the_vocabulary(self) -> Self:
        if self.as_ not in FIELDS:
            raise ValueError(f"as: {self.as_!r} is no table. {_near(self.as_, FIELDS)}")
        known = self.fields
        for name in (*self.columns, *self.constants):
            if name not in known:
                raise ValueError(f"{name!r} is no field of {self.as_}. {_near(name, known)}")
        if both := self.columns.keys() & self.constants.keys():
            raise ValueError(f"{min(both)!r} is both a column and a constant; leave one of them out")
        for name, of in known.items():
            if of.required and name not in self.columns and name not in self.constants:
                raise ValueError(f"{name!r} ({of.meaning}) is missing; name its column, or give it as a constant")
        for name, rule in self.columns.items():
            if (rule.time != "iso" or rule.zone is not None) and known[name].kind != "time":
                raise ValueError(f"{name}: `time` and `zone` are for times; {name} is a {known[name].kind}")
            if rule.unit != "currency" and known[name].kind != "money":
                raise ValueError(f"{name}: `unit` is for money; {name} is a {known[name].kind}")
        for name, rule in self.columns.items():
            if len(rule.column) > 1 and known[name].kind not in ("identity", "words", "list"):
                raise ValueError(f"{name}: several columns make an identity, words or a list; {name} is a {known[name].kind}")
        if {"age", "age_band"} <= self.named:
            raise ValueError("both age and age_band are mapped; leave one of them out")
        if self.source in RESERVED and self.source != "table":
            raise ValueError(f"source: {self.source!r} is a source of Placard's own; choose another name")
        if self.source.endswith(IMPLIED):
            raise ValueError(f"source: {self.source!r} must not end with {IMPLIED}; that is kept for what a log implies")
        return self

    @property
    def fields(self) -> dict[str, MappedField]:
        return FIELDS[self.as_]

    @property
    def named(self) -> set[str]:
        """The fields that the mapping says something of."""
        return {*self.columns, *self.constants}


def mapping_of(given: object, where: str) -> TableMapping:
    """A mapping from plain data. Raises IngestError naming the first thing that is wrong, and where."""
    if not isinstance(given, Mapping):
        raise IngestError("mapping", where, "It must hold keys and values: as, source, columns, constants, zone, file.")
    try:
        return TableMapping.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise IngestError("mapping", ": ".join(filter(None, (where, place))), _said(first, place)) from None


def _said(error: Any, place: str) -> str:
    if error["type"] == "extra_forbidden":
        owner = TableColumn if place.startswith("columns.") else TableFile if place.startswith("file.") else TableMapping
        known = [field.alias or name for name, field in owner.model_fields.items()]
        return f"There is no such key. {_near(str(error['loc'][-1]), known)}"
    text = re.sub(r"\AValue error, ", "", str(error["msg"]))
    return f"{text[0].upper()}{text[1:]}."


def pairs_of(texts: Iterable[str], option: str) -> dict[str, str]:
    """field=word,field=word of an option. Raises IngestError for a part that is no such pair."""
    found: dict[str, str] = {}
    for part in (part for text in texts for part in text.split(",")):
        field, between, word = (piece.strip() for piece in part.partition("="))
        if not (field and between and word):
            raise IngestError(f"option {option}", part, f"Write field=word, with commas between: {option} user=member_id,item=sku.")
        if field in found:
            raise IngestError(f"option {option}", field, "It is given twice.")
        found[field] = word
    return found


def read_mapping(path: Path, further: Mapping[str, Any] | None = None) -> TableMapping:
    """The mapping in a YAML file, with what is said beside it: of `columns` and `constants` each field, of all else the whole. Raises
    IngestError where it cannot be read, or is none."""
    try:
        if path.stat().st_size > LARGEST_MAPPING:
            raise IngestError("mapping", str(path), f"It is longer than {LARGEST_MAPPING:,} bytes.")
        given = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # every scalar is text: 1, no and 2026-01-31 are words
    except OSError as error:
        raise IngestError("mapping", str(path), f"It cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise IngestError("mapping", str(path), "It is not UTF-8 text.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" in line {mark.line + 1}" if mark else ""
        raise IngestError("mapping", str(path), f"It is not YAML{at}: {getattr(error, 'problem', None) or error}.") from None
    for key, value in (further or {}).items():
        if isinstance(given, dict):
            both = isinstance(value, Mapping) and isinstance(given.get(key), Mapping)
            given[key] = {**given[key], **value} if both else value
    return mapping_of(given, str(path))
