"""Draws a creative's picture as its looks say: the scene in its advertiser's hue, more or less crowded, its call to action on a button."""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image, ImageDraw

from feature_repo.home import Home
from feature_repo.whole_file import whole_file
from pipelines.simulator.looks import SCENES, Looks
from pipelines.simulator.words import CALLS
from pipelines.simulator.world import World

SIZE = (160, 90)
MOST_THINGS = 16
"""Small things that stand about in the most crowded picture."""
Colour = tuple[int, int, int]


def _colour(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))
    return round(r * 255), round(g * 255), round(b * 255)


def draw(home: Home, world: World, creatives: np.ndarray) -> int:
    """Writes images/c<number>.png for each creative that has none yet; returns how many were written."""
    written, calls = 0, list(CALLS)
    for creative in creatives.tolist():
        path = home.images / f"c{creative}.png"
        if path.exists() and path.stat().st_size:  # a power cut may leave an empty file
            continue
        image = picture(world.ads.looks, creative, world.config.rng("picture", creative), calls[world.ads.call[creative]])
        with whole_file(path, synced=False) as part:
            image.save(part, "PNG", compress_level=6)
        written += 1
    return written


def picture(looks: Looks, creative: int, rng: np.random.Generator, call: str) -> Image.Image:
    """What a camera would see of one creative, with the light and the accidents of the day."""
    scene, hue, vivid = SCENES[looks.scene[creative]], float(looks.hue[creative]), float(looks.vivid[creative])
    light = float(rng.uniform(0.12, 0.3) if scene == "night" else rng.uniform(0.65, 1.0))
    ground, thing = _colour(hue, 0.15 + 0.6 * vivid, light), _colour(hue + 0.1, 0.3 + 0.7 * vivid, 0.25 + 0.7 * float(rng.random()))
    image = Image.new("RGB", SIZE, ground)
    pen = ImageDraw.Draw(image)
    x, y = int(rng.integers(60, 100)), int(rng.integers(25, 40))
    if scene == "pattern":
        step = int(rng.integers(10, 22))
        for left in range(0, SIZE[0], step):
            for top in range((left // step) % 2 * step // 2, SIZE[1], step):
                pen.rectangle((left, top, left + step // 2, top + step // 2), fill=thing)
    elif scene == "landscape":
        horizon = int(rng.integers(40, 65))
        pen.rectangle((0, horizon, SIZE[0], SIZE[1]), fill=thing)
        pen.ellipse((x, horizon - 24, x + 18, horizon - 6), fill=_colour(0.14, 0.5 + 0.5 * vivid, 1.0))
    elif scene == "figure":
        skin = _colour(float(rng.uniform(0.04, 0.1)), float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.45, 0.95)))
        pen.ellipse((x - 12, y - 16, x + 12, y + 10), fill=skin)
        pen.pieslice((x - 26, y + 8, x + 26, y + 70), 180, 360, fill=thing)
    else:
        r = int(rng.integers(18, 32))
        (pen.ellipse if rng.random() < 0.5 else pen.rectangle)((x - r, y - r + 8, x + r, y + r + 8), fill=thing)
    for left, top, size in rng.integers((0, 0, 4), (150, 80, 14), (round(float(looks.crowd[creative]) * MOST_THINGS), 3)).tolist():
        spot = _colour(float(rng.random()), 0.2 + 0.8 * vivid, float(rng.uniform(*((0.15, 0.5) if light > 0.5 else (0.6, 1.0)))))
        (pen.ellipse if rng.random() < 0.5 else pen.rectangle)((left, top, left + size, top + size), fill=spot)
    pen.rectangle((6, 66, 80, 84), fill=_colour(hue + 0.5, 0.8, 0.4))
    pen.text((11, 70), call, fill=(255, 255, 255))
    return image
