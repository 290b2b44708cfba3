"""Write src/understudy/vocabularies/ from the copies of OpenAI's vocabularies that `bpe-openai` carries.

Usage: python scripts/vocabularies.py

The checksums are those that tiktoken expects of the files it downloads, so what is written holds exactly
what OpenAI publishes, whichever way it came.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from base64 import b64encode
from pathlib import Path

import bpe_openai  # type: ignore[import-untyped]
import marisa_trie  # type: ignore[import-not-found]

HOME = Path(__file__).parents[1] / "src" / "understudy" / "vocabularies"

# name: (number of tokens, SHA-256 of the published NAME.tiktoken)
VOCABULARIES = {
    "cl100k_base": (100_256, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    "o200k_base": (199_998, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
}


def tokens(name: str) -> list[bytes]:
    """All ordinary tokens by id. Exits if they are not the published ones."""
    size, expected = VOCABULARIES[name]
    encoding = bpe_openai.get_encoding(name)
    found = [encoding.decode_single_token_bytes(id) for id in range(size)]
    published = b"".join(b"%s %d\n" % (b64encode(token), id) for id, token in enumerate(found))
    checksum = hashlib.sha256(published).hexdigest()
    if checksum != expected:
        sys.exit(f"{name}: the checksum is {checksum}, not the published {expected}; see tiktoken's source")
    return found


def write(name: str) -> None:
    """Write NAME.marisa, a trie of the tokens, and NAME.ranks, the ids in the trie's order."""
    found = tokens(name)
    trie = marisa_trie.BinaryTrie(found)
    ranks = array("I", bytes(4 * len(found)))
    for id, token in enumerate(found):
        ranks[trie.key_id(token)] = id
    if sys.byteorder == "big":
        ranks.byteswap()
    trie.save(str(HOME / f"{name}.marisa"))
    (HOME / f"{name}.ranks").write_bytes(ranks.tobytes())


if __name__ == "__main__":
    for name in VOCABULARIES:
        write(name)
