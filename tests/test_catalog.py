"""What is known of the vendors' own models: windows and longest answers, from their model pages."""

from __future__ import annotations

import pytest

from understudy.catalog import DEFAULT_MODELS, Catalog, is_tuned, known, pace_of, window_of
from understudy.model import ModelInfo, Pace


@pytest.mark.parametrize(
    ("model", "window", "output"),
    [
        ("gpt-3.5-turbo", 16_385, 4_096),
        ("gpt-3.5-turbo-0613", 4_097, 4_096),
        ("gpt-3.5-turbo-1106", 16_385, 4_096),
        ("gpt-3.5-turbo-instruct-0914", 4_097, 4_096),
        ("gpt-4", 8_192, 8_192),
        ("gpt-4-0613", 8_192, 8_192),
        ("gpt-4-32k-0613", 32_768, 32_768),
        ("gpt-4-1106-preview", 128_000, 4_096),
        ("gpt-4-turbo-2024-04-09", 128_000, 4_096),
        ("gpt-4o", 128_000, 16_384),
        ("gpt-4o-2024-05-13", 128_000, 4_096),
        ("gpt-4o-2024-11-20", 128_000, 16_384),
        ("chatgpt-4o-latest", 128_000, 16_384),
        ("gpt-4.1-nano-2025-04-14", 1_047_576, 32_768),
        ("o1-mini-2024-09-12", 128_000, 65_536),
        ("o3-mini", 200_000, 100_000),
        ("o4-mini-2025-04-16", 200_000, 100_000),
        ("gpt-5-2025-08-07", 400_000, 128_000),
        ("gpt-5-chat-latest", 128_000, 16_384),
        ("gpt-5.5", 1_050_000, 128_000),
        ("gpt-6-astra", 1_050_000, 128_000),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", 128_000, 16_384),
        ("text-embedding-3-large", 8_192, None),
        ("claude-3-5-haiku-latest", 200_000, 8_192),
        ("claude-opus-4-1-20250805", 200_000, 32_000),
        ("claude-haiku-4-5-20251001", 200_000, 64_000),
        ("claude-sonnet-5", 1_000_000, 128_000),
        ("gemini-2.0-flash-001", 1_048_576, 8_192),
        ("gemini-2.5-pro-preview-05-06", 1_048_576, 65_536),
        ("gemini-3-pro-preview", 1_048_576, 65_536),
    ],
)
def test_a_vendors_model_is_known_by_its_name_and_its_snapshots(
    model: str, window: int, output: int | None
) -> None:
    found = known(model)
    assert found is not None
    assert (window_of(model), found.output or None) == (window, output)


@pytest.mark.parametrize(
    "model", ["", "ft:", "acme-1", "gpt-4-acme", "gpt-4o-my-deployment", "gpt-9", "claude-x", "x" * 10_000]
)
def test_nothing_is_known_of_any_other_name(model: str) -> None:
    assert known(model) is None
    assert window_of(model) is None


def test_the_listed_models_have_the_windows_that_they_tell() -> None:
    assert {info.id: window_of(info.id) for info in DEFAULT_MODELS} == {
        info.id: info.context_window for info in DEFAULT_MODELS
    }
    assert window_of("mock-claude-sonnet-4") == 200_000


def test_the_input_of_the_newest_models_is_limited_apart() -> None:
    limits = {model: known(model).input for model in ("gpt-4o", "o3", "gpt-5", "gpt-6-astra")}  # type: ignore[union-attr]
    assert limits == {"gpt-4o": None, "o3": 200_000, "gpt-5": 272_000, "gpt-6-astra": 922_000}


def test_a_model_that_is_listed_may_have_a_pace_of_its_own() -> None:
    models = (ModelInfo("plain"), ModelInfo("slow", pace=Pace(2)))
    assert [pace_of(models, name) for name in ("plain", "slow", "other")] == [None, Pace(2), None]


def test_a_catalog_has_what_is_listed_until_it_is_deleted() -> None:
    catalog = Catalog(lambda: (ModelInfo("a"), ModelInfo("ft:gpt-4o:acme::1", "acme")))
    catalog.delete("ft:gpt-4o:acme::1")
    assert [info.id for info in catalog.models] == ["a"]
    assert not catalog.lists("ft:gpt-4o:acme::1")
    catalog.reset()
    assert [info.id for info in catalog.models] == ["a", "ft:gpt-4o:acme::1"]
    assert catalog.lists("ft:gpt-4o:acme::1")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("mine", ModelInfo("mine", "me", 7, 99)),
        ("gpt-4.1-mini", ModelInfo("gpt-4.1-mini", "system", context_window=1_047_576)),
        ("gpt-4o-2024-08-06", ModelInfo("gpt-4o-2024-08-06", "system", context_window=128_000)),
        (
            "ft:gpt-4o-mini:acemeco:suffix:abc123",
            ModelInfo("ft:gpt-4o-mini:acemeco:suffix:abc123", "acemeco"),
        ),
        ("ft:gpt-4o-mini", ModelInfo("ft:gpt-4o-mini", "system")),
        ("gpt-99", None),
        ("ft:gpt-99:acme::1", None),
    ],
)
def test_a_catalog_finds_what_is_listed_and_what_a_vendor_is_known_to_have(
    name: str, found: ModelInfo | None
) -> None:
    assert Catalog(lambda: (ModelInfo("mine", "me", 7, 99),)).find(name) == found


def test_a_catalog_finds_any_model_where_any_id_is_answered() -> None:
    assert Catalog(lambda: (), any_id=True).find("gpt-99") == ModelInfo("gpt-99")


@pytest.mark.parametrize(
    ("name", "tuned"),
    [("ft:gpt-4o:acme::1", True), ("curie:ft-acmeco-2021-03-03-21-44-20", True), ("gpt-4o", False)],
)
def test_a_name_says_whether_a_model_was_fine_tuned(name: str, tuned: bool) -> None:
    assert is_tuned(name) is tuned
