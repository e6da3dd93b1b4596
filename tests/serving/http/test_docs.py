"""The documentation page works without a network."""

from __future__ import annotations

import re
from typing import Any


def test_the_page_loads_only_from_the_server_itself(api: Any) -> None:
    page = api.client.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len(sources) >= 2
    for source in sources:
        assert source.startswith("/"), source
        assert api.client.get(source).status_code == 200
