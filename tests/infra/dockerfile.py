"""A Dockerfile as a list of instructions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "infra" / "docker").glob("*.Dockerfile"))


@dataclass(frozen=True)
class Instruction:
    """word: as FROM, in capitals. rest: what follows, the continued lines put together."""

    word: str
    rest: str


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[str]:
        return [i.rest for i in self.instructions if i.word == word]

    def argv(self, word: str) -> list[str]:
        """The last instruction of this word, which has to be in its JSON form; [] where there is none."""
        found = self.all(word)
        return [str(part) for part in json.loads(found[-1][found[-1].index("[") :])] if found else []


def stages(path: Path) -> list[Stage]:
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    out: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            out.append(Stage(image, name, ()))
        else:
            last = out.pop()
            out.append(Stage(last.image, last.name, (*last.instructions, Instruction(word, rest.strip()))))
    return out
