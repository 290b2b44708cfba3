"""Anthropic's files as the official SDK sees them: over a real socket, on the mock's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from understudy import Understudy

MODEL = "claude-sonnet-5"
PDF = ("report.pdf", b"%PDF-1.7 ...", "application/pdf")


@pytest.fixture(scope="module")
def server() -> Iterator[Understudy]:
    with Understudy() as server:
        yield server


@pytest.fixture
def llm(server: Understudy) -> Understudy:
    server.reset()
    return server


@pytest.fixture(scope="module")
def client(server: Understudy) -> Iterator[Anthropic]:
    with made(server.url) as client:
        yield client


def made(url: str) -> Anthropic:
    return Anthropic(base_url=url, api_key="any", max_retries=0, _strict_response_validation=True)


def document(id: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "file", "file_id": id}}


def ask(client: Anthropic, *blocks: Any) -> anthropic.types.Message:
    content = [*blocks, {"type": "text", "text": "What does it say?"}]
    message: anthropic.types.Message = client.messages.create(
        model=MODEL, max_tokens=64, messages=[{"role": "user", "content": content}]
    )
    return message


def test_a_file_is_uploaded_and_described(llm: Understudy, client: Anthropic) -> None:
    file = client.files.upload(file=PDF)
    assert file.id.startswith("file_011C")
    assert file.model_dump(exclude={"created_at"}) == {
        "id": file.id,
        "type": "file",
        "filename": "report.pdf",
        "mime_type": "application/pdf",
        "size_bytes": 12,
        "downloadable": False,
        "expires_at": None,
    }
    assert client.files.retrieve_metadata(file.id) == file
    assert client.beta.files.retrieve_metadata(file.id).to_dict() == file.to_dict()


@pytest.mark.parametrize(
    ("given", "name", "mime"),
    [
        (b"Hello", "unnamed.bin", "application/octet-stream"),
        (("/tmp/notes/a b.txt", b"Hello", "text/plain"), "a b.txt", "text/plain"),
        (("", b"Hello", "text/plain"), "unnamed.txt", "text/plain"),
        (("C:\\notes\\ü.md", b"Hello", "text/markdown"), "ü.md", "text/markdown"),
    ],
    ids=str,
)
def test_a_name_is_the_last_piece_of_a_path(
    llm: Understudy, client: Anthropic, given: Any, name: str, mime: str
) -> None:
    file = client.files.upload(file=given)
    assert (file.filename, file.mime_type, file.size_bytes) == (name, mime, 5)


def test_a_file_expires_when_it_is_told_to(llm: Understudy, client: Anthropic) -> None:
    file = client.files.upload(file=PDF, expires_in_seconds=3_600)
    assert file.expires_at == file.created_at + timedelta(hours=1)
    llm.advance(3_601)
    with pytest.raises(anthropic.NotFoundError) as expired:
        client.files.download(file.id)
    assert expired.value.error_code == "file_expired"


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ("3599", "Input should be greater than or equal to 3600"),
        ("7776001", "Input should be less than or equal to 7776000"),
        ("soon", "Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_time_that_is_none_is_refused(client: Anthropic, seconds: Any, message: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.files.upload(file=PDF, expires_in_seconds=seconds)
    assert refused.value.api_message == f"expires_in_seconds: {message}"


def test_what_was_uploaded_cannot_be_downloaded(llm: Understudy, client: Anthropic) -> None:
    id = client.files.upload(file=PDF).id
    with pytest.raises(anthropic.types.FileNotDownloadableError) as refused:
        client.files.download(id)
    assert refused.value.api_message == "File is not downloadable"


def test_files_are_listed_a_page_at_a_time_the_newest_first(llm: Understudy, client: Anthropic) -> None:
    ids = [client.files.upload(file=(f"{name}.txt", b"Hi", "text/plain")).id for name in "abc"]
    page = client.files.list(limit=2)
    assert [each.id for each in page.data] == [ids[2], ids[1]]
    assert page.next_page == f"page_{ids[1]}"
    assert [each.id for each in client.files.list(limit=2)] == ids[::-1]
    assert [each.id for each in client.files.list(ids=[ids[0], ids[2], "file_1"])] == [ids[2], ids[0]]
    older = client.get(f"/v1/files?limit=1&after_id={ids[2]}", cast_to=object)
    assert isinstance(older, dict)
    assert (older["last_id"], older["has_more"]) == (ids[1], True)


def test_a_deleted_file_is_not_there(llm: Understudy, client: Anthropic) -> None:
    id = client.files.upload(file=PDF).id
    assert client.files.delete(id).to_dict() == {"id": id, "type": "file_deleted"}
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.files.retrieve_metadata(id)
    assert missing.value.api_message == f"File not found: {id}"


def test_a_message_may_refer_to_a_file_as_long_as_it_is_there(llm: Understudy, client: Anthropic) -> None:
    llm.when(has="file").reply("It says hello.")
    id = client.files.upload(file=PDF).id
    assert ask(client, document(id)).content[0].text == "It says hello."  # type: ignore[union-attr]
    assert ask(client, document(id)).content
    client.files.delete(id)
    with pytest.raises(anthropic.NotFoundError) as missing:
        ask(client, document(id))
    assert missing.value.api_message == f"File not found: {id}"


def test_an_image_may_be_a_file_and_what_a_tool_gave_back(llm: Understudy, client: Anthropic) -> None:
    id = client.files.upload(file=("a.png", b"png", "image/png")).id
    image: Any = {"type": "image", "source": {"type": "file", "file_id": id}}
    assert ask(client, image).content
    call: Any = {"type": "tool_use", "id": "toolu_1", "name": "draw", "input": {}}

    def again(given: Any) -> anthropic.types.Message:
        result: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [given]}
        messages: Any = [
            {"role": "user", "content": "Draw."},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]
        message: anthropic.types.Message = client.messages.create(
            model=MODEL, max_tokens=64, messages=messages
        )
        return message

    assert again(image).content
    with pytest.raises(anthropic.NotFoundError, match="File not found: file_1"):
        again({"type": "image", "source": {"type": "file", "file_id": "file_1"}})


def test_a_space_has_files_of_its_own(llm: Understudy) -> None:
    with made(f"{llm.url}/@one") as one, made(f"{llm.url}/@two") as two:
        id = one.files.upload(file=PDF).id
        with pytest.raises(anthropic.NotFoundError):
            two.files.retrieve_metadata(id)
        with pytest.raises(anthropic.NotFoundError):
            ask(two, document(id))


def test_what_is_no_form_with_a_file_is_refused(client: Anthropic) -> None:
    for body in ({}, {"file": "a.pdf"}):
        with pytest.raises(anthropic.BadRequestError) as refused:
            client.post("/v1/files", body=body, cast_to=object)
        assert refused.value.api_message == "file: Field required"


def test_the_files_of_other_apis_are_not_there(llm: Understudy) -> None:
    with pytest.raises(HTTPError) as missing:
        urlopen(f"{llm.url}/v1/files")
    assert missing.value.code == 404
    assert b"whose clients send anthropic-version" in missing.value.read()


def test_the_asynchronous_client_sees_the_same(llm: Understudy) -> None:
    async def names() -> list[str]:
        async with AsyncAnthropic(base_url=llm.url, api_key="any", max_retries=0) as client:
            await client.files.upload(file=PDF)
            return [file.filename async for file in client.files.list()]

    assert asyncio.run(names()) == ["report.pdf"]


def test_where_any_id_is_answered_an_empty_file_stands_in() -> None:
    with Understudy(unknown_ids="answer") as any_id, made(any_id.url) as client:
        file = client.files.retrieve_metadata("file_1")
        assert (file.id, file.filename, file.size_bytes) == ("file_1", "unnamed", 0)
        assert client.files.delete("file_2").id == "file_2"
        assert ask(client, document("file_3")).content
