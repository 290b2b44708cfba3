"""The reference is `bpe-openai`, whose ids are tiktoken's."""

from __future__ import annotations

import random
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy import tokens

EXACT = ("o200k_base", "cl100k_base")
ALL = (*EXACT, "estimate")

TEXT = "It's 2024: the naïve café's “menu” costs 1234567 €\n\n  def f(x):\n\treturn x  "


# bpe-openai opens its data in a way that Python 3.11 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")


@cache
def oracle(encoding: str) -> Any:
    import bpe_openai  # type: ignore[import-untyped]

    return bpe_openai.get_encoding(encoding)


def fresh(encoding: str) -> tokens.Vocabulary:
    return tokens.Vocabulary(encoding)


# Characters that Python's own tables know (Cn: not assigned) are older than the tokenizers' tables.
letters = st.characters(exclude_categories=["Cs", "Cn"])
texts = st.one_of(
    st.text(letters),
    st.text(st.sampled_from(" \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u3000ab.")),
    st.text(st.sampled_from("aA'sStTmMdDrReEvVlLſ \u0301ǅʰ1")),
    st.text(st.sampled_from("0123456789,.-+eE²½٣ ")),
    st.text(st.sampled_from("漢字仮名交じり文한국어ไทยหิน, 。")),
    st.text(st.sampled_from("🤔👩‍👩‍👧🏽🇩🇪❤️ a")),
    st.text(st.sampled_from("(){}[]<>|/\\=+*#_\"'`;:.,&%$@! \n\tabcXYZ01")),
    st.lists(
        st.sampled_from(["don't", " We'LL", "</div>", "\r\n\r\n", "<|endoftext|>", " self.", "HTTPServer"])
    ).map("".join),
    st.binary().map(lambda data: data.decode(errors="replace")),
    st.tuples(st.text(letters, min_size=1, max_size=5), st.integers(1, 400)).map(lambda run: run[0] * run[1]),
)


@pytest.mark.parametrize(
    ("text", "encoding", "ids"),
    [
        ("Hello, world!", "o200k_base", (13225, 11, 2375, 0)),
        ("Hello, world!", "cl100k_base", (9906, 11, 1917, 0)),
        ("hello <|endoftext|>", "o200k_base", (24912, 464, 91, 419, 1440, 919, 91, 29)),
        ("hello <|endoftext|>", "cl100k_base", (15339, 83739, 8862, 728, 428, 91, 29)),
        ("don't We'LL it'ſ", "o200k_base", (91418, 1416, 6, 7454, 480, 6, 70067)),
        ("don't We'LL it'ſ", "cl100k_base", (15357, 956, 1226, 6, 4178, 433, 6, 129, 123)),
        ("   \n\n  x\t \r\n", "o200k_base", (29104, 220, 1215, 164694)),
        ("   \n\n  x\t \r\n", "cl100k_base", (35033, 220, 865, 79455)),
        ("{'x': 1}", "o200k_base", (40200, 87, 2337, 220, 16, 92)),
        ("{'x': 1}", "cl100k_base", (13922, 87, 1232, 220, 16, 92)),
        ("1234567", "o200k_base", (7633, 19354, 22)),
        ("1234567", "cl100k_base", (4513, 10961, 22)),
        ("日本語のテキスト", "o200k_base", (9048, 40909, 3385, 16056, 18368, 38236)),
        ("日本語のテキスト", "cl100k_base", (9080, 22656, 45918, 252, 16144, 57933, 62903, 71634)),
        ("👩\u200d🚀", "o200k_base", (28823, 102, 2524, 112927, 222)),
        ("👩\u200d🚀", "cl100k_base", (9468, 239, 102, 378, 235, 9468, 248, 222)),
        ("def f(x):\n    return x**2\n", "o200k_base", (1314, 285, 4061, 1883, 271, 622, 1215, 410, 17, 198)),
        ("def f(x):\n    return x**2\n", "cl100k_base", (755, 282, 2120, 997, 262, 471, 865, 334, 17, 198)),
        ("antidisestablishmentarianism", "o200k_base", (493, 129901, 376, 160388, 21203, 2367)),
        ("antidisestablishmentarianism", "cl100k_base", (519, 85342, 34500, 479, 8997, 2191)),
    ],
)
def test_a_text_has_the_published_ids(text: str, encoding: str, ids: tuple[int, ...]) -> None:
    assert tokens.encode(text, encoding) == ids
    assert tokens.count(text, encoding) == len(ids)
    assert tokens.decode(ids, encoding) == text


@pytest.mark.parametrize("encoding", EXACT)
@settings(max_examples=400, deadline=None)
@given(text=texts)
def test_any_text_has_the_ids_that_the_reference_gives_it(encoding: str, text: str) -> None:
    expected = oracle(encoding).encode_ordinary(text)
    assert list(tokens.encode(text, encoding)) == expected
    assert tokens.count(text, encoding) == len(expected)
    assert tokens.decode(expected, encoding) == text


@pytest.mark.parametrize("encoding", EXACT)
def test_every_id_stands_for_the_bytes_that_the_reference_gives_it(encoding: str) -> None:
    ours = fresh(encoding)
    assert len(ours.ranks) == {"o200k_base": 199_998, "cl100k_base": 100_256}[encoding]
    for id in range(0, len(ours.ranks), 7):
        token = oracle(encoding).decode_single_token_bytes(id)
        assert ours.token(id) == token
        assert ours.rank(token) == id


@pytest.mark.parametrize("encoding", ALL)
@settings(deadline=None)
@given(text=texts | st.text(st.characters(categories=["Cs", "Lu", "Po"])))
def test_slices_join_to_the_text_whatever_it_is(encoding: str, text: str) -> None:
    slices = tokens.split(text, encoding)
    assert "".join(slices) == text
    assert "" not in slices
    assert len(slices) <= tokens.count(text, encoding)


@given(text=texts)
def test_an_estimate_counts_its_slices(text: str) -> None:
    assert tokens.count(text, "estimate") == len(tokens.split(text, "estimate"))


@pytest.mark.parametrize(
    ("text", "encoding", "slices"),
    [
        ("Hello, world!", "o200k_base", ("Hello", ",", " world", "!")),
        ("tokenization", "o200k_base", ("token", "ization")),
        ("👩‍🚀!", "cl100k_base", ("👩", "\u200d", "🚀", "!")),
        ("a 𓀀 b", "o200k_base", ("a", " ", "𓀀", " b")),
        (
            "Hello, tokenization: 12345",
            "estimate",
            ("Hello", ",", " tokeni", "zation", ":", " ", "123", "45"),
        ),
        ("a\n\n  b_1…漢字が", "estimate", ("a", "\n\n ", " b", "_", "1", "…", "漢字", "が")),
        ("", "o200k_base", ()),
        ("", "estimate", ()),
    ],
)
def test_a_slice_is_a_token_but_never_half_a_character(
    text: str, encoding: str, slices: tuple[str, ...]
) -> None:
    assert tokens.split(text, encoding) == slices


def test_an_estimate_of_prose_is_somewhat_above_the_exact_count() -> None:
    prose = (
        "The server answers every request the way the original would, and remembers what it was asked. "
        "Finding out how an application behaves when an answer is late, wrong or missing costs nothing."
    )
    assert (len(prose), tokens.count(prose, "o200k_base"), tokens.count(prose, "estimate")) == (188, 36, 45)


@pytest.mark.parametrize("encoding", ALL)
def test_special_tokens_in_a_text_are_ordinary_text(encoding: str) -> None:
    assert tokens.count("<|endoftext|>", encoding) > 1
    assert "".join(tokens.split("<|endoftext|>", encoding)) == "<|endoftext|>"


@pytest.mark.parametrize("encoding", ALL)
@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83e\udd14 \ud83e", "é\udc80" * 50])
def test_lone_surrogates_are_counted_and_kept(encoding: str, text: str) -> None:
    assert tokens.count(text, encoding) > 0
    assert "".join(tokens.split(text, encoding)) == text


def test_a_lone_surrogate_counts_as_a_replacement_character() -> None:
    assert tokens.encode("a \ud800", "o200k_base") == tokens.encode("a \ufffd", "o200k_base")


@pytest.mark.parametrize("encoding", EXACT)
@pytest.mark.parametrize("unit", ["a", " ", "=", "\n", "ab", "é", "漢", "xyzzy"])
def test_a_long_unbroken_text_is_merged_in_few_steps(encoding: str, unit: str) -> None:
    vocabulary = fresh(encoding)
    asked: list[bytes] = []
    lookup = vocabulary.rank
    vocabulary.rank = lambda token: asked.append(token) or lookup(token)  # type: ignore[method-assign,func-returns-value]
    data = (unit * 1_000_000)[:1_000_000].encode()
    assert b"".join(vocabulary._merge_long(data)) == data
    assert len(asked) < 100_000


def test_a_long_text_without_a_pattern_is_merged_in_linear_steps() -> None:
    vocabulary = fresh("o200k_base")
    asked: list[bytes] = []
    lookup = vocabulary.rank
    vocabulary.rank = lambda token: asked.append(token) or lookup(token)  # type: ignore[method-assign,func-returns-value]
    data = bytes(random.Random(7).choices(b"abcdefghijklmnopqrstuvwxyz", k=20_000))
    assert (
        tokens.decode([lookup(part) for part in vocabulary._merge_long(data)], "o200k_base").encode() == data
    )
    assert len(asked) < 6 * len(data)


@pytest.mark.parametrize("encoding", EXACT)
@pytest.mark.parametrize("window", [2, 5, 16, 128])
def test_seams_between_windows_do_not_change_the_tokens(
    encoding: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_WINDOW", window)
    vocabulary, chance = fresh(encoding), random.Random(window)
    for _ in range(40):
        words = [vocabulary.token(chance.randrange(len(vocabulary.ranks))) for _ in range(3)]
        data = b"".join(chance.choices(words, k=chance.randrange(1, 60)))[:800]
        assert vocabulary._merge_long(data) == vocabulary._merge(data)


def test_a_long_text_is_cut_like_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    short = list(fresh("o200k_base").pieces(TEXT))
    monkeypatch.setattr(tokens, "_LONG", 10)
    assert list(fresh("o200k_base").pieces(TEXT)) == short


@pytest.mark.parametrize(
    ("ids", "encoding", "message"),
    [
        ((9906, 200_019), "o200k_base", "o200k_base has no token 200019; its ids go from 0 to 199997"),
        ((199_998,), "o200k_base", "o200k_base has no token 199998; its ids go from 0 to 199997"),
        ((-1,), "cl100k_base", "cl100k_base has no token -1; its ids go from 0 to 100255"),
        ((10**30,), "cl100k_base", f"cl100k_base has no token {10**30}; its ids go from 0 to 100255"),
    ],
)
def test_an_id_that_does_not_exist_is_named(ids: tuple[int, ...], encoding: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        tokens.decode(ids, encoding)
    assert str(caught.value) == message


def test_ids_of_special_tokens_and_of_half_characters_have_a_text() -> None:
    assert tokens.decode((13225, 199_999), "o200k_base") == "Hello<|endoftext|>"
    assert tokens.decode((100_276,), "cl100k_base") == "<|endofprompt|>"
    assert tokens.decode(tokens.encode("𓀀", "o200k_base")[:1], "o200k_base") == "\ufffd"


def test_ids_are_those_of_o200k_base_where_a_tokenizer_is_secret() -> None:
    assert tokens.encode("Hello", "estimate") == (13225,)
    assert tokens.decode((13225,), "estimate") == "Hello"


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("gpt-4.1-nano", "o200k_base"),
        ("gpt-4.5-preview", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("gpt-6-mini", "o200k_base"),
        ("o1", "o200k_base"),
        ("o4-mini", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("openai/gpt-4o", "o200k_base"),
        ("ft:gpt-4o-mini-2024-07-18:acme::7p4lURel", "o200k_base"),
        ("mock-llm-v1", "o200k_base"),
        ("mock-gpt-4", "o200k_base"),
        ("llama-3", "o200k_base"),
        ("", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("GPT-4-Turbo", "cl100k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("ft:gpt-3.5-turbo-0125:acme::8abc", "cl100k_base"),
        ("ft:gpt-4-0613:acme::8abc", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("text-embedding-ada-002", "cl100k_base"),
        ("davinci-002", "cl100k_base"),
        ("claude-sonnet-4-5", "estimate"),
        ("anthropic/claude-opus-4", "estimate"),
        ("mock-claude-sonnet-4", "estimate"),
        ("models/gemini-3-pro", "estimate"),
    ],
)
def test_a_model_has_the_encoding_that_its_vendor_says(model: str, encoding: str) -> None:
    assert tokens.encoding_of(model) == encoding


def test_a_memo_forgets_rather_than_grow() -> None:
    memo = tokens.Memo[str, int](len, limit=1_000)
    for n in range(5_000):
        assert memo[str(n)] == len(str(n))
        assert sum(len(key) + memo.OVERHEAD for key in memo) == memo.weight <= 1_000


def test_a_memo_makes_a_value_once_unless_its_key_is_large() -> None:
    made: list[str] = []
    memo = tokens.Memo[str, None](made.append, limit=1_000)
    for key in ("small", "small", "large" * 20, "large" * 20):
        memo[key]
    assert made == ["small", "large" * 20, "large" * 20]
    assert list(memo) == ["small"]


def test_packages_are_loaded_when_they_are_first_needed() -> None:
    script = """
import sys
from understudy import tokens
loaded = lambda: sorted({"marisa_trie", "regex"} & set(sys.modules))
print(loaded(), tokens.count("Hello", "estimate"), loaded())
print(tokens.count("Hello", "o200k_base"), loaded())
print(tokens.count("Héllo", "o200k_base"), loaded())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] 1 []", "1 ['marisa_trie']", "3 ['marisa_trie', 'regex']"]
