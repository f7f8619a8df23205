"""A photo is checked before it is decoded, shown without its secrets, and recognised when it is sent again."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageEnhance, PngImagePlugin

from salur.lib import photo


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Large coloured patches, different for each seed."""
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 255, (12, 16, 3)).astype("uint8")).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "JPEG", **options) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds a few bytes: what a decompression bomb looks like before it goes off."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_tells_its_format_and_size(form: str):
    assert photo.check(encoded(scene(1), form)) == (form, 640, 480)


REFUSED = {
    "text": (b"not a photo", "JPEG, PNG and WebP"),
    "nothing": (b"", "JPEG, PNG and WebP"),
    "a GIF": (encoded(scene(1), "GIF"), "JPEG, PNG and WebP"),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "JPEG, PNG and WebP"),
    "a little too many pixels": (png_of(5001, 5000), "at most 25,000,000"),
    "far too many pixels": (png_of(60_000, 60_000), "exceeds limit|at most"),
    "too many bytes": (bytes(photo.MAX_BYTES + 1), "at most 10,485,760"),
    "a film": (encoded(scene(1), "WEBP", save_all=True, append_images=[scene(2)]), "moves"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("use", [photo.check, photo.for_display, photo.thumbnail, photo.look])
def test_is_refused(what: str, use):
    data, said = REFUSED[what]
    with pytest.raises(photo.NotAPhoto, match=said):
        use(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_cut_short_is_refused_when_it_is_decoded(form: str):
    whole = encoded(scene(1), form)
    with pytest.raises(photo.NotAPhoto):
        photo.for_display(whole[: len(whole) // 2])


def test_what_is_shown_carries_pixels_only():
    """The place of the house, the comment and the text that the original carries are in no byte of what is shown."""
    exif = Image.Exif()
    exif[0x010E] = "SECRET-DESCRIPTION"
    exif.get_ifd(0x8825)[1] = "S"  # GPS
    jpeg = encoded(scene(1), exif=exif, comment=b"SECRET-COMMENT", icc_profile=b"SECRET-PROFILE" * 20)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SECRET-TEXT")
    for original in (jpeg, encoded(scene(1), "PNG", pnginfo=text, exif=exif), encoded(scene(1), "WEBP", exif=exif)):
        assert b"SECRET" in original
        for shown in (photo.for_display(original), photo.thumbnail(original)):
            assert b"SECRET" not in shown
            with Image.open(io.BytesIO(shown)) as image:
                assert (
                    image.format,
                    dict(image.getexif()),
                    image.info.keys() & {"exif", "icc_profile", "comment"},
                ) == ("JPEG", {}, set())


def test_what_is_shown_is_upright_and_no_larger_than_asked():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    original = encoded(scene(1, (4000, 3000)), exif=exif)
    for shown, size in ((photo.for_display(original), (960, 1280)), (photo.thumbnail(original), (192, 256))):
        with Image.open(io.BytesIO(shown)) as image:
            assert image.size == size
    small = encoded(scene(1, (100, 50)))
    with Image.open(io.BytesIO(photo.for_display(small))) as image:
        assert image.size == (100, 50)


def test_a_see_through_photo_is_shown_on_white():
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    with Image.open(io.BytesIO(photo.for_display(encoded(clear, "PNG")))) as image:
        assert min(image.convert("L").tobytes()) > 250


SENT_AGAIN = {
    "the same bytes": encoded,
    "more compressed": lambda image: encoded(image, quality=30),
    "as WebP": lambda image: encoded(image, "WEBP", quality=50),
    "half the size": lambda image: encoded(image.resize((320, 240))),
    "a fifth brighter": lambda image: encoded(ImageEnhance.Brightness(image).enhance(1.2)),
}


@pytest.mark.parametrize("how", SENT_AGAIN)
def test_a_photo_sent_again_looks_the_same(how: str):
    for seed in range(10):
        image = scene(seed)
        assert photo.same_look(photo.look(encoded(image)), photo.look(SENT_AGAIN[how](image)))


def test_other_photos_look_different():
    looks = [photo.look(encoded(scene(seed))) for seed in range(40)]
    assert min(photo.difference(a.bits, b.bits) for n, a in enumerate(looks) for b in looks[:n]) > 2 * photo.SAME_LOOK


def test_a_mirrored_photo_looks_different():
    image = scene(1)
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert not photo.same_look(photo.look(encoded(image)), photo.look(encoded(mirrored)))


def test_two_walls_are_not_the_same_because_there_is_nothing_to_compare():
    wall = encoded(Image.new("RGB", (640, 480), (180, 170, 160)))
    assert photo.look(wall).detail == 0
    assert not photo.same_look(photo.look(wall), photo.look(wall))
