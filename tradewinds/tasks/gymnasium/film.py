"""Pictures of a policy at play, where the environment draws itself: no display and no codec is needed.

H rows, W columns of a picture.
"""

import io
import os
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray
from PIL import Image

from tradewinds.tasks.gymnasium.config import GymnasiumConfig
from tradewinds.tasks.gymnasium.named import make_one
from trading_agent.common.spaces import Categories

if TYPE_CHECKING:
    from trading_agent import Policy

LEAST, MOST = 120, 320  # pixels of a picture's longer side
USUAL_RATE = 30  # pictures a second, where the environment does not say
GAP = 6  # pixels between the pictures of a strip


class Film(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment that keeps a picture of every step, up to a number of them.

    Attributes:
        pictures: so far.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], most: int) -> None:
        super().__init__(env)
        self.most, self.pictures = most, list[Image.Image]()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Begin an episode, and keep how it looks."""
        first = self.env.reset(seed=seed, options=options)
        self._keep()
        return first

    def step(self, action: Any) -> Any:
        """Take one action, and keep how it looks then."""
        moved = self.env.step(action)
        self._keep()
        return moved

    def _keep(self) -> None:
        if len(self.pictures) < self.most:
            self.pictures.append(picture_of(self.env.render()))


class Unfilmed(ValueError):
    """Why there is no picture of an environment."""


def film(
    policy: "Policy", rules: GymnasiumConfig, *, seed: int, most: int, categories: Categories = "one_hot"
) -> tuple[list[Image.Image], int]:
    """Play one episode and return its first pictures, and how many belong to a second.

    Raises:
        Unfilmed: the environment does not draw itself, or what it draws with is not installed.
    """
    from trading_agent.common.evaluation import play_episodes

    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame draws without a display
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Gymnasium's, of one that draws nothing
            env = Film(_drawn(rules, categories), most)
            with closing(SyncVectorEnv([lambda: env])) as alone:
                play_episodes(policy, alone, 1, seed=seed)
    except Exception as error:  # whatever draws: a library that is missing, a machine without OpenGL
        raise Unfilmed(f"{rules.id} cannot be drawn here: {' '.join(str(error).split())}") from None
    return env.pictures, int(env.metadata.get("render_fps") or USUAL_RATE)


def _drawn(rules: GymnasiumConfig, categories: Categories) -> gymnasium.Env[Any, Any]:
    """Return an environment that draws itself; MuJoCo ends the process where it finds no OpenGL, and is not tried."""
    env = make_one(rules, categories, render_mode="rgb_array")
    robot = any(part.__module__.startswith("gymnasium.envs.mujoco") for part in type(env.unwrapped).__mro__)
    if robot and not (os.environ.get("MUJOCO_GL") or os.environ.get("DISPLAY")):
        env.close()
        raise ValueError("MuJoCo wants a display, or MUJOCO_GL=egl or MUJOCO_GL=osmesa and its library")
    return env


def picture_of(pixels: Any) -> Image.Image:
    """Return an (H, W, 3) array, of bytes or of numbers from 0 to 1, as a picture of a handy size in few colours.

    Raises:
        ValueError: it is no such array.
    """
    array = np.asarray(pixels)
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"a picture must be (H, W, 3), was {array.shape}")
    if np.issubdtype(array.dtype, np.floating):
        array = np.rint(255.0 * array)
    picture = Image.fromarray(array.astype(np.uint8))
    longer = max(picture.size)
    scale = -(-LEAST // longer) if longer < LEAST else min(1.0, MOST / longer)  # small pixels stay square
    smooth = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BILINEAR
    sized = picture.resize((round(picture.width * scale), round(picture.height * scale)), smooth)
    return sized.quantize(64, dither=Image.Dither.NONE)


def video(pictures: list[Image.Image], rate: int) -> bytes:
    """Return an animated GIF of `rate` pictures a second, at most 50: browsers slow down what is faster."""
    first, *others = pictures
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=max(20, round(1000 / rate)), loop=0)
    return file.getvalue()


def strip(pictures: list[Image.Image], count: int) -> bytes:
    """Return at most `count` pictures, evenly spread from first to last, side by side as one PNG."""
    places: NDArray[np.int64] = np.unique(np.linspace(0, len(pictures) - 1, count).round().astype(np.int64))
    chosen = [pictures[place].convert("RGB") for place in places]
    width, height = chosen[0].size
    row = Image.new("RGB", ((width + GAP) * len(chosen) - GAP, height), "white")
    for place, picture in enumerate(chosen):
        row.paste(picture, (place * (width + GAP), 0))
    file = io.BytesIO()
    row.save(file, "PNG")
    return file.getvalue()
