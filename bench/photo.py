"""Photos: how fast they are made small, and how far apart the looks of the same and of other pictures are."""

import io
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from bench import Figure, compare
from salur.lib import photo

SCENES = 60


def figures() -> Iterator[Figure]:
    yield _small()
    yield from _looks()


def _small() -> Figure:
    """Thumbnails of 12-megapixel photos per second of one core, against decoding them whole."""
    originals = [_jpeg(_scene(seed, (4000, 3000))) for seed in range(4)]

    def whole(data: bytes) -> None:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image.resize((256, 192), Image.Resampling.LANCZOS).save(io.BytesIO(), "JPEG")

    return compare(
        "photo_thumbnails", "photos/s", lambda: _rate(photo.thumbnail, originals), lambda: _rate(whole, originals)
    )


def _rate(make: Callable[[bytes], object], originals: list[bytes]) -> float:
    start = time.process_time()
    for data in originals:
        make(data)
    return len(originals) / (time.process_time() - start)


def _looks() -> Iterator[Figure]:
    scenes = [_scene(seed) for seed in range(SCENES)]
    looks = [photo.look(_jpeg(scene)) for scene in scenes]
    changes: dict[str, Callable[[Image.Image], bytes]] = {
        "compressed": lambda image: _jpeg(image, 30),
        "a_quarter_the_size": lambda image: _jpeg(image.resize((320, 240)), 60),
        "a_fifth_brighter": lambda image: _jpeg(ImageEnhance.Brightness(image).enhance(1.2)),
        "cut_by_a_twentieth": lambda image: _jpeg(image.crop((32, 24, 1248, 936))),
        "photographed_again": lambda image: _jpeg(
            image.rotate(3, resample=Image.Resampling.BICUBIC)
            .filter(ImageFilter.GaussianBlur(2))
            .crop((60, 60, 1220, 900))
        ),
    }
    for name, change in changes.items():
        bits = [
            photo.difference(seen.bits, photo.look(change(scene)).bits)
            for seen, scene in zip(looks, scenes, strict=True)
        ]
        yield _apart(f"photo_look_{name}", bits)
    yield _apart(
        "photo_look_unrelated", [photo.difference(a.bits, b.bits) for n, a in enumerate(looks) for b in looks[:n]]
    )


def _apart(name: str, bits: list[int]) -> Figure:
    note = f"median; from {min(bits)} to {max(bits)} over {len(bits)} pairs; the same look is at most {photo.SAME_LOOK}"
    return Figure(name, statistics.median(bits), "bits of 256", None, None, [], note)


def _scene(seed: int, size: tuple[int, int] = (1280, 960)) -> Image.Image:
    """Clouds as in nature (the strength of a frequency falls with it) and a few flat shapes before them."""
    random = np.random.default_rng(seed)
    across, down = size[0] // 4, size[1] // 4
    strength = np.fft.fftfreq(down)[:, None] ** 2 + np.fft.fftfreq(across)[None, :] ** 2
    strength[0, 0] = 1

    def clouds(fall: float) -> np.ndarray:
        field = np.fft.ifft2(np.fft.fft2(random.normal(size=(down, across))) / strength ** (fall / 2)).real
        return (field - field.min()) / (field.max() - field.min())

    colours = np.stack([clouds(1.6) for _ in range(3)], axis=-1) * 0.3 + clouds(1.8)[..., None] * 0.7
    image = Image.fromarray((colours * 255).astype("uint8")).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(8, 20)):
        left, top = random.integers(0, size[0]), random.integers(0, size[1])
        wide, high = random.integers(size[0] // 32, size[0] // 3, 2)
        draw.rectangle(
            [left, top, left + wide, top + high], fill=tuple(int(value) for value in random.integers(0, 255, 3))
        )
    return image


def _jpeg(image: Image.Image, quality: int = 85) -> bytes:
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    return written.getvalue()
