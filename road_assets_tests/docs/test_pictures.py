"""Pictures become small without becoming others."""

import io

import pytest
from PIL import Image

from road_assets_tests.pictures import COLOURS, WIDTH, compress


def _picture(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(("width", "kept"), [(2400, WIDTH), (800, 800)])
def test_a_picture_is_no_wider_than_a_page_keeps_its_shape_and_takes_less_room(width: int, kept: int) -> None:
    content = _picture(width, width // 2)
    packed = compress(content)
    with Image.open(io.BytesIO(packed)) as picture:
        assert picture.size == (kept, kept // 2)
        assert len(picture.convert("RGB").getcolors() or ()) <= COLOURS
    assert len(packed) < len(content)
