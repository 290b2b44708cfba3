"""Collections of what is kept, without any vendor: made, listed, changed, removed, within bounds."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import (
    NewResource,
    Prompt,
    Reply,
    Request,
    Resource,
    ResourceReply,
    ResourceRequest,
    Text,
)
from understudy.resources import ENTRY_BYTES, AsOf, Collections


def collections(any_id: bool = False, **bounds: Any) -> Collections:
    numbers = count(1)
    return Collections(lambda: f"{next(numbers)}", any_id=any_id, **bounds)


def request(verb: Any, collection: str, id: str = "", **fields: Any) -> ResourceRequest:
    return ResourceRequest("an-api", verb, collection, id, **fields)


def ids(reply: ResourceReply) -> list[str]:
    return [resource.id for resource in reply.resources]


def test_what_is_made_has_an_id_of_its_own_and_a_time() -> None:
    kept = collections()
    made = kept.answer(request("create", "notes", new=(NewResource({"a": 1}, "note_"),)), 7.5)
    assert made.resources == (Resource("note_1", 7.5, {"a": 1}),)
    assert kept.find("notes", "note_1") == made.resources[0]


def test_an_id_that_is_given_is_kept() -> None:
    made = collections().answer(request("create", "notes", new=(NewResource({}, "note_", "mine"),)), 0)
    assert ids(made) == ["mine"]


def test_a_list_holds_all_the_oldest_first() -> None:
    kept = collections()
    kept.answer(request("create", "notes", new=(NewResource({}, "b"), NewResource({}, "a"))), 0)
    assert ids(kept.answer(request("list", "notes"), 0)) == ["b1", "a2"]
    assert kept.answer(request("list", "others"), 0).resources == ()


def test_changes_are_merged_into_what_was_said() -> None:
    kept = collections()
    kept.keep("notes", Resource("n", 0.0, {"a": 1, "b": 2}))
    changed = kept.answer(request("update", "notes", "n", changes={"b": 3}), 0)
    assert changed.resources[0].raw == {"a": 1, "b": 3}
    assert kept.find("notes", "n") == changed.resources[0]


def test_what_is_deleted_is_told_once_more_and_is_gone_with_all_inside() -> None:
    kept = collections()
    made = NewResource({}, id="n", inside=(NewResource({}, "item_"),))
    kept.answer(request("create", "notes", new=(made,)), 0)
    assert len(kept.all("notes/n/items")) == 1
    assert ids(kept.answer(request("delete", "notes", "n"), 0)) == ["n"]
    assert kept.find("notes", "n") is None
    assert kept.all("notes/n/items") == ()


def test_what_goes_on_is_cancelled_and_what_is_over_stays() -> None:
    kept = collections()
    kept.keep("jobs", Resource("on", 0.0, {}, ends=10.0))
    kept.keep("jobs", Resource("over", 0.0, {}, ends=1.0))
    assert kept.answer(request("cancel", "jobs", "on"), 5.0).resources[0].cancelled == 5.0
    assert kept.answer(request("cancel", "jobs", "on"), 6.0).resources[0].cancelled == 5.0
    assert kept.answer(request("cancel", "jobs", "over"), 5.0).resources[0].cancelled == 0.0


def test_what_the_vendor_would_not_do_is_not_done() -> None:
    kept = collections()
    kept.keep("jobs", Resource("on", 0.0, {}, ends=10.0))
    refuse = lambda resource, now: Failure(400, "invalid_request", f"not at {now}")  # noqa: E731
    with pytest.raises(Failure, match="not at 5"):
        kept.answer(request("cancel", "jobs", "on", refuse=refuse), 5)
    assert kept.find("jobs", "on") == Resource("on", 0.0, {}, ends=10.0)


@pytest.mark.parametrize("verb", ["retrieve", "update", "delete", "cancel"])
def test_what_is_not_there_is_a_failure_with_the_facts(verb: str) -> None:
    with pytest.raises(Failure) as failure:
        collections().answer(request(verb, "chat/notes", "n"), 0)
    assert failure.value.kind == "not_found"
    assert failure.value.facts == {"collection": "notes", "id": "n"}


@pytest.mark.parametrize("verb", ["create", "list", "retrieve"])
def test_nothing_is_inside_of_what_is_not_there(verb: str) -> None:
    with pytest.raises(Failure) as failure:
        collections().answer(request(verb, "notes/n/items", new=(NewResource({}),)), 0)
    assert failure.value.facts == {"collection": "notes", "id": "n"}


def test_the_reply_tells_in_which_resource_they_are() -> None:
    kept = collections()
    kept.keep("notes", note := Resource("n", 0.0, {}))
    assert kept.answer(request("list", "notes/n/items"), 0).owner == note
    assert kept.answer(request("list", "notes"), 0).owner is None


def test_of_too_many_the_oldest_go() -> None:
    kept = collections(most=2)
    for id in ("a", "b", "a", "c"):  # what is kept again is new
        kept.keep("notes", Resource(id, 0.0, {}))
    assert [each.id for each in kept.all("notes")] == ["a", "c"]


def test_of_too_large_ones_the_oldest_go_with_all_inside() -> None:
    kept = collections(max_bytes=3 * ENTRY_BYTES + 100)
    kept.answer(request("create", "notes", new=(NewResource({}, id="a", inside=(NewResource({}, "i"),)),)), 0)
    kept.keep("notes", Resource("b", 0.0, {}), 101)
    assert kept.all("notes/a/items") == ()
    assert [each.id for each in kept.all("notes")] == ["b"]
    kept.keep("notes", Resource("c", 0.0, {}), 4 * ENTRY_BYTES)
    assert kept.all("notes") == ()


def test_cleared_there_is_nothing_and_room_for_as_much() -> None:
    kept = collections(max_bytes=2 * ENTRY_BYTES)
    kept.keep("notes", Resource("a", 0.0, {}), ENTRY_BYTES)
    kept.clear()
    assert kept.all("notes") == ()
    kept.keep("notes", Resource("b", 0.0, {}), ENTRY_BYTES)
    assert [each.id for each in kept.all("notes")] == ["b"]


def test_a_look_back_sees_what_was_kept_before() -> None:
    kept = collections()
    for time in (1.0, 2.0, 3.0):
        kept.keep("notes", Resource(f"at {time}", time, {}))
    past = AsOf(kept, 2.0)
    assert [each.id for each in past.all("notes")] == ["at 1.0"]
    assert past.find("notes", "at 1.0") is not None
    assert past.find("notes", "at 2.0") is None


# --- ids that nothing is kept under -------------------------------------------------------------------


PASSING = (("x-understudy-passes-with", "--unknown-ids answer"),)


def note(id: str) -> Resource:
    return Resource(id, 0.0, {"text": "made up"})


def test_what_is_not_there_is_stood_in_for_where_any_id_is_answered() -> None:
    kept = collections(any_id=True)
    told = kept.answer(request("retrieve", "notes", "n", stand_in=note), 7.5)
    assert told.resources == (Resource("n", 7.5, {"text": "made up"}),)
    assert told.any_id
    assert kept.find("notes", "n") == told.resources[0]


def test_what_stands_in_is_changed_and_deleted_like_any_other() -> None:
    kept = collections(any_id=True)
    changed = kept.answer(request("update", "notes", "n", changes={"b": 3}, stand_in=note), 0)
    assert changed.resources[0].raw == {"text": "made up", "b": 3}
    assert ids(kept.answer(request("delete", "notes", "n", stand_in=note), 0)) == ["n"]
    assert kept.find("notes", "n") is None


def test_an_answer_that_stands_in_was_given_just_now() -> None:
    def answer(id: str) -> Resource:
        return Resource(id, 0.0, {}, Request("an-api", "chat", "m", (), {}), Reply((Text("made up"),)))

    told = collections(any_id=True).answer(request("retrieve", "answers", "a", stand_in=answer), 7.5)
    assert told.resources[0].reply == Reply((Text("made up"),), created=7)


def test_a_resource_that_others_are_in_is_stood_in_for_too() -> None:
    kept = collections(any_id=True)
    told = kept.answer(request("list", "notes/n/items"), 7.5)
    assert (told.resources, told.owner) == ((), Resource("n", 7.5, {}))


@pytest.mark.parametrize(
    ("any_id", "asked", "headers"),
    [
        (False, request("retrieve", "notes", "n", stand_in=note), PASSING),
        (False, request("list", "notes/n/items"), PASSING),
        (False, request("retrieve", "notes", "n"), ()),
        (True, request("retrieve", "notes", "n"), ()),
    ],
)
def test_nothing_stands_in_where_nothing_may(
    any_id: bool, asked: ResourceRequest, headers: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(Failure) as caught:
        collections(any_id=any_id).answer(asked, 0)
    assert caught.value.facts == {"collection": "notes", "id": "n"}
    assert caught.value.headers == headers


def test_prompts_are_those_of_the_rule_files() -> None:
    kept = collections(prompts=lambda: {"p": Prompt("Be brief.")})
    assert kept.prompt("p") == Prompt("Be brief.")
    assert AsOf(kept, 0.0).prompt("p") == Prompt("Be brief.")
    assert kept.prompt("q") is None
