"""What a picture looks like, in numbers."""

import io

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.image import imread

WHITE, DARK, BLACK = "#ffffff", "#313338", "#000000"  # the grounds of Discord's themes
Pixels = npt.NDArray[np.float64]


def pixels(png: bytes) -> Pixels:
    """Red, green, blue and opacity, 0 to 1, as [height, width, 4]."""
    return np.asarray(imread(io.BytesIO(png), format="png"), np.float64)


def upon(png: bytes, ground: str) -> Pixels:
    """What is seen where the picture lies on a ground, as [height, width, 3]."""
    seen = pixels(png)
    return seen[..., :3] * seen[..., 3:] + np.array(to_rgb(ground)) * (1 - seen[..., 3:])


def share_of(seen: Pixels, colour: str, *, near: float = 0.02) -> float:
    """Which share of all pixels has a colour, or very nearly."""
    return float((np.abs(seen[..., :3] - np.array(to_rgb(colour))).max(axis=-1) <= near).mean())


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 defines it, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
