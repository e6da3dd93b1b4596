"""A picture as PNG bytes: the same for the same drawing."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any


def png(draw: Any, size: tuple[float, float] = (5.2, 4.2)) -> bytes:
    """A picture of one pair of axes, which `draw` is given. size: inches at 110 dots each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def embedded(picture: bytes, what: str) -> str:
    """An <img> that holds the picture itself. what: the words for who cannot see it, already escaped."""
    return f'<img alt="{what}" src="data:image/png;base64,{b64encode(picture).decode()}">'
