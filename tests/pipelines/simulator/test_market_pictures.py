"""Pictures matter through what a camera sees of them: the same file that is measured for a feature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_repo.home import Home
from feature_repo.tables.ad_creative import IMAGE_STATS
from pipelines.creatives.images import measure
from pipelines.simulator import clicks
from pipelines.simulator.config import MarketConfig
from pipelines.simulator.day import asked
from pipelines.simulator.images import draw
from pipelines.simulator.looks import SCENES, looks
from pipelines.simulator.world import World

CONFIG = MarketConfig(seed=3, users=200, creatives=400, impressions_per_day=1000)


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(CONFIG)


@pytest.fixture(scope="module")
def seen(world: World, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What the platform measures of each picture, (creatives, IMAGE_STATS)."""
    home, ads = Home(tmp_path_factory.mktemp("pictures")), np.arange(CONFIG.creatives)
    draw(home, world, ads)
    return np.array([measure(home.images / f"c{ad}.png") for ad in ads])


def test_a_camera_sees_the_scene_the_crowd_and_the_light(world: World, seen: np.ndarray) -> None:
    of = dict(zip(IMAGE_STATS, seen.T, strict=True))
    night = world.ads.looks.scene == SCENES.index("night")
    assert of["brightness"][night].mean() < 0.6 * of["brightness"][~night].mean()
    plain = ~np.isin(world.ads.looks.scene, [SCENES.index("pattern")])
    assert np.corrcoef(of["edges"][plain], world.ads.looks.crowd[plain])[0, 1] > 0.4
    assert np.corrcoef(of["saturation"], world.ads.looks.vivid)[0, 1] > 0.4


def test_what_the_camera_sees_foretells_what_a_picture_adds_but_not_all_of_it(world: World, seen: np.ndarray) -> None:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import cross_val_predict

    adds = world.ads.looks.adds
    guess = cross_val_predict(RandomForestRegressor(200, random_state=1), seen, adds, cv=5)
    assert 0.3 < np.corrcoef(guess, adds)[0, 1] < 0.95
    assert adds.std() == pytest.approx(CONFIG.laws.look, rel=1e-6)


def test_pictures_move_clicks_off_search_most_and_nothing_without_pictures(world: World) -> None:
    requests, ads = asked(world, 1), np.arange(40)
    rows = requests.rows(np.arange(300))
    added = clicks.looked(world, rows, np.tile(ads, (300, 1)))
    social = rows.surface > 0
    assert added[social].std() > 2 * added[~social].std() > 0
    owner = world.ads.campaign_advertiser[world.ads.creative_campaign]
    assert not looks(replace(CONFIG, images=False), owner).adds.any()
