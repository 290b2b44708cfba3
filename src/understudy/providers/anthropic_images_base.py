"""What Anthropic's APIs refuse in the images of a conversation, told by their first bytes."""

from __future__ import annotations

from binascii import Error, a2b_base64
from typing import Any

KINDS = ("image/jpeg", "image/png", "image/gif", "image/webp")
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
START = 16
"""How many characters of base64 are looked at: twelve bytes."""


def wrong_image(source: dict[str, Any]) -> str | None:
    """What is wrong with an image that is sent whole, from the place of its source on.

    It is of a type that there is not, or of another than it is said to be.
    """
    if source["type"] != "base64":
        return None
    said = source["media_type"]
    if said not in KINDS:
        expected = f"{', '.join(repr(kind) for kind in KINDS[:-1])} or {KINDS[-1]!r}"
        return f".media_type: Input should be {expected}"
    found = kind_of(source["data"])
    if found in (None, said):
        return None
    return (
        f": The image was specified using the {said} media type, but the image appears to be a {found} image"
    )


def kind_of(data: str) -> str | None:
    """The media type of an image in base64; None where its first bytes do not tell."""
    try:
        start = a2b_base64(data[:START])
    except Error:
        return None
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in SIGNATURES if start.startswith(signature)), None)
