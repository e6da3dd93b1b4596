"""What a demo has finished already: a small file in the state folder, so that a demo run again goes on where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from feature_repo.home import Home
from feature_repo.whole_file import write_whole

FORMAT: Final = 1


class Journal:
    """Results of finished parts by name, of a demo with the same parameters on the same day. Usable from several threads.

    made_of: the parameters and the day; where they differ from those of the file, everything is done anew.
    """

    def __init__(self, home: Home, made_of: Mapping[str, Any]) -> None:
        self._path, self._lock = home.root / "demo" / "journal.json", threading.Lock()
        self._made_of: dict[str, Any] = {"format": FORMAT, **made_of}
        found = self._read()
        self.changed = [name for name in self._made_of if found["made_of"] and found["made_of"].get(name) != self._made_of[name]]
        """Names of what differs from the demo that was run here before; empty where there was none."""
        self._done: dict[str, Any] = {} if self.changed else found["done"]

    def _read(self) -> dict[str, Any]:
        """The file, or an empty one where there is none or where it is damaged: then all is done again, which is safe."""
        try:
            found = json.loads(self._path.read_text())
            return {"made_of": dict(found["made_of"]), "done": dict(found["done"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {"made_of": {}, "done": {}}

    def __contains__(self, name: str) -> bool:
        return name in self._done

    def result(self, name: str) -> Any:
        """What the finished part gave."""
        return self._done[name]

    def once(self, name: str, work: Callable[[], Any]) -> Any:
        """The part's result (plain JSON): kept, or of the work, which is remembered once it has ended well."""
        if name not in self._done:
            result = work()
            with self._lock:
                self._done[name] = result
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._path, json.dumps({"made_of": self._made_of, "done": self._done}) + "\n")
        return self._done[name]
