"""Draws a creative's picture: its advertiser's palette, shapes of its own, its call to action on a button."""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image, ImageDraw

from feature_repo.home import Home
from feature_repo.whole_file import whole_file
from pipelines.simulator.words import CALLS
from pipelines.simulator.world import World

SIZE = (160, 90)
GOLDEN_RATIO = 0.618034
"""Steps of this share of the colour circle keep any number of advertisers apart."""
Colour = tuple[int, int, int]


def palette(world: World, advertiser: int) -> tuple[Colour, Colour, Colour]:
    """Background, shapes and button of an advertiser; no two share a hue."""
    rng = world.config.rng("palette", advertiser)
    hue = (advertiser * GOLDEN_RATIO) % 1.0

    def colour(shift: float, low: float, high: float) -> Colour:
        r, g, b = colorsys.hsv_to_rgb((hue + shift) % 1.0, float(rng.uniform(0.2, 1.0)), float(rng.uniform(low, high)))
        return round(r * 255), round(g * 255), round(b * 255)

    return colour(0.0, 0.35, 1.0), colour(0.12, 0.3, 1.0), colour(0.5, 0.2, 0.6)


def draw(home: Home, world: World, creatives: np.ndarray) -> int:
    """Writes images/c<number>.png for each creative that has none yet; returns how many were written."""
    written = 0
    for creative, owner in zip(creatives, world.ads.campaign_advertiser[world.ads.creative_campaign[creatives]], strict=True):
        path = home.images / f"c{creative}.png"
        if path.exists() and path.stat().st_size:  # a power cut may leave an empty file
            continue
        background, form, button = palette(world, int(owner))
        rng = world.config.rng("shapes", int(creative))
        image = Image.new("RGB", SIZE, background)
        pen = ImageDraw.Draw(image)
        for x, y, w, h in rng.integers((0, 0, 15, 10), (140, 60, 60, 40), (int(rng.integers(1, 6)), 4)).tolist():
            shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
            shape((x, y, x + w, y + h), fill=form)
        pen.rectangle((6, 66, 80, 84), fill=button)
        pen.text((11, 70), CALLS[world.ads.call[creative]], fill=(255, 255, 255))
        with whole_file(path, synced=False) as part:
            image.save(part, "PNG", compress_level=6)
        written += 1
    return written
