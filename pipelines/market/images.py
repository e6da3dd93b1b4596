"""Draws a creative's picture: an advertiser's palette, a creative's shapes, its headline."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from feature_repo.sources import Home
from pipelines.market.day import World

SIZE = (160, 90)


def draw(home: Home, world: World, creatives: np.ndarray, headlines: list[str]) -> int:
    """Writes images/c<number>.png for each creative that has none yet; returns how many were written."""
    home.images.mkdir(parents=True, exist_ok=True)
    written = 0
    advertiser = world.ads.campaign_advertiser[world.ads.creative_campaign[creatives]]
    for creative, owner, headline in zip(creatives, advertiser, headlines, strict=True):
        path = home.images / f"c{creative}.png"
        if path.exists():
            continue
        palette = world.config.rng("palette", int(owner)).integers(40, 256, (3, 3))
        shapes = world.config.rng("shapes", int(creative))
        image = Image.new("RGB", SIZE, tuple(int(v) for v in palette[0]))
        pen = ImageDraw.Draw(image)
        for _ in range(int(shapes.integers(1, 5))):
            x, y = int(shapes.integers(0, 140)), int(shapes.integers(0, 60))
            w, h = int(shapes.integers(15, 60)), int(shapes.integers(10, 40))
            form = pen.ellipse if shapes.random() < 0.5 else pen.rectangle
            form((x, y, x + w, y + h), fill=tuple(int(v) for v in palette[1]))
        pen.text((6, 70), headline[:26], fill=tuple(int(v) for v in 255 - palette[0]))
        image.save(path)
        written += 1
    return written
