"""Photos as evidence: checked before they are decoded, shown without what they carry along, compared by look.

The original is kept as it came (its hash is part of what the phone signed) and is never shown: its EXIF holds the place of a family's
house. What is shown is decoded and encoded anew, so it carries pixels only.

**By look.** ``look`` is a hash of 256 bits: the photo in grey, 64 × 64, its 16 × 16 lowest frequencies of the discrete cosine transform
(without the constant), each bit saying whether one is above their median. The idea is that of PDQ (Facebook, 2019); the bits are not the
same. Two looks differ by a number of bits (``difference``):

- ``SAME_LOOK`` or less: the same picture, sent again after being made smaller, lighter or more compressed (at most 20 measured).
- Unrelated pictures differ by about 128 bits; the nearest of 1,770 pairs by 102.
- A photo of a photo differs by about 95, one cut by a twentieth by 32 to 70: this finds what was sent again, not what was photographed
  again. A photo with little in it (``Look.detail`` below ``MIN_DETAIL``: a wall, the night) is like every other such photo: do not
  compare it.

``make bench ONLY=photo`` measures these figures, on made-up scenes.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from salur.lib.problem import Problem

MAX_PIXELS = 25_000_000
MAX_BYTES = 10 * 2**20
FORMATS = ("JPEG", "PNG", "WEBP")

SAME_LOOK = 31
MIN_DETAIL = 30


class NotAPhoto(Problem):
    code = "not_a_photo"
    status = 422


class Photo(NamedTuple):
    format: str
    width: int
    height: int


class Look(NamedTuple):
    """``bits`` are 32 bytes; ``detail`` from 0 (one colour) to 100 says how much there is to compare."""

    bits: bytes
    detail: int


def check(data: bytes) -> Photo:
    """Format and size of a photo that may be decoded; only its head is read. Raises ``NotAPhoto``."""
    with _open(data) as image:
        return Photo(image.format or "", image.width, image.height)


def for_display(data: bytes, *, longest_px: int = 1280) -> bytes:
    """A JPEG of at most ``longest_px`` on its longer side: upright, and without EXIF, comments or colour profile."""
    return _encoded(data, longest_px, quality=80)


def thumbnail(data: bytes, *, longest_px: int = 256) -> bytes:
    """The same, small: for lists."""
    return _encoded(data, longest_px, quality=70)


def look(data: bytes) -> Look:
    """What the photo looks like; see the module's docstring."""
    with _open(data) as image:
        image.draft("L", (128, 128))
        grey = _decoded(image).convert("L").resize((64, 64), Image.Resampling.BOX)
    pixels = np.asarray(grey, dtype=np.float64)
    frequencies = _COSINES @ pixels @ _COSINES.T
    bits = np.packbits((frequencies > np.median(frequencies)).ravel()).tobytes()
    steps = np.abs(np.diff(pixels, axis=0)).sum() + np.abs(np.diff(pixels, axis=1)).sum()
    # The mean step between neighbours of 8,064 pairs; ten of 255 shades and more is full detail.
    return Look(bits, min(100, round(float(steps) / (2 * 64 * 63) * 10)))


def difference(one: bytes, other: bytes) -> int:
    """In how many of 256 bits two looks differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def same_look(one: Look, other: Look) -> bool:
    """Whether one is likely the other, sent again."""
    return min(one.detail, other.detail) >= MIN_DETAIL and difference(one.bits, other.bits) <= SAME_LOOK


def _cosines() -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """The 16 lowest rows of the DCT-II of 64 points, without the constant one."""
    frequency = np.arange(1, 17)[:, None]
    place = np.arange(64)[None, :]
    cosines: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.cos(
        np.pi / 64 * (place + 0.5) * frequency
    ) * np.sqrt(2 / 64)
    return cosines


_COSINES = _cosines()


def _open(data: bytes) -> Image.Image:
    """The image, its head read and its size allowed, not decoded yet."""
    if len(data) > MAX_BYTES:
        raise NotAPhoto(f"The photo has {len(data):,} bytes; at most {MAX_BYTES:,} are taken.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise NotAPhoto("This is no photo: JPEG, PNG and WebP are taken.") from None
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise NotAPhoto(f"The photo cannot be read: {error}.") from error
    if image.width * image.height > MAX_PIXELS:
        raise NotAPhoto(f"The photo has {image.width:,} × {image.height:,} pixels; at most {MAX_PIXELS:,} are taken.")
    if getattr(image, "is_animated", False):
        raise NotAPhoto("The photo moves: send a still one.")
    return image


def _decoded(image: Image.Image) -> Image.Image:
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise NotAPhoto(f"The photo is cut short or broken: {error}.") from error
    return ImageOps.exif_transpose(image)


def _encoded(data: bytes, longest_px: int, *, quality: int) -> bytes:
    with _open(data) as image:
        # A JPEG can be decoded at an eighth of its size for an eighth of the work; twice the target keeps edges clean.
        image.draft("RGB", (2 * longest_px, 2 * longest_px))
        upright = _decoded(image)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright.convert("RGBA"))
    shown = upright.convert("RGB")
    shown.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    shown.info.clear()  # save() would copy comments and the colour profile from here
    written = io.BytesIO()
    shown.save(written, "JPEG", quality=quality, optimize=True)
    return written.getvalue()
