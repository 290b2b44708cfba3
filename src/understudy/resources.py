"""What a space keeps for its clients: collections of resources, made, listed, changed and removed by id.

    responses                       resp_1, resp_2 ...
    conversations                   conv_1, conv_2 ...
    conversations/conv_1/items      msg_1, fc_1 ...

A collection inside a resource is there as long as the resource is. Nothing here knows what the resources are:
a provider reads what is asked of them, and tells what is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from understudy.errors import Failure
from understudy.events import Chance, duration
from understudy.model import (
    NewResource,
    Pace,
    Prompt,
    Reply,
    Request,
    Resource,
    ResourceReply,
    ResourceRequest,
)
from understudy.providers.base import Keeper, Kept

MOST_RESOURCES, MOST_BYTES = 20_000, 64 << 20
"""How many resources a space keeps, and with how many bytes; then those made longest ago go."""
ENTRY_BYTES = 400
"""What a resource costs beside its bytes, about."""
ITEMS = "items"
"""The collection inside a resource."""


class Collections:
    """The collections of a space. `new_id` gives random letters.

    `any_id` says that something stands in for a resource that is asked for and not there.
    """

    def __init__(
        self,
        new_id: Callable[[], str],
        most: int = MOST_RESOURCES,
        max_bytes: int = MOST_BYTES,
        any_id: bool = False,
        prompts: Callable[[], Mapping[str, Prompt]] = dict,
    ) -> None:
        self._prompts = prompts
        self._any_id = any_id
        self._new_id = new_id
        self._most = most
        self._max_bytes = max_bytes
        self._collections: dict[str, dict[str, Resource]] = {}
        self._sizes: OrderedDict[tuple[str, str], int] = OrderedDict()  # oldest first, found at once
        self._bytes = 0

    def prompt(self, id: str) -> Prompt | None:
        return self._prompts().get(id)

    def find(self, collection: str, id: str) -> Resource | None:
        return self._collections.get(collection, {}).get(id)

    def all(self, collection: str) -> tuple[Resource, ...]:
        return tuple(self._collections.get(collection, {}).values())

    def keep(self, collection: str, resource: Resource, size: int = 0) -> None:
        """Keep a resource of so many bytes, in place of another of its id. The oldest make room."""
        self._forget(collection, resource.id)
        self._collections.setdefault(collection, {})[resource.id] = resource
        self._sizes[collection, resource.id] = size + ENTRY_BYTES
        self._bytes += size + ENTRY_BYTES
        while len(self._sizes) > self._most or self._bytes > self._max_bytes:
            self.remove(*next(iter(self._sizes)))

    def keep_answer(
        self,
        keeper: Keeper,
        request: Request,
        reply: Reply,
        now: float,
        size: int,
        pace: Pace,
        chance: Chance | None,
    ) -> Reply | ResourceReply:
        """Keep an answer of so many bytes, and say what is told of it.

        One that goes on in the background takes as long as it would at this pace: its resource is told.
        """
        answer = Resource("", now, request.raw, request, reply)
        if request.background:
            ends = now + duration(reply, pace, chance)
            answer = replace(answer, begins=now + pace.ttft, ends=ends)
        resources: list[Resource] = []
        for collection, resource in keeper.kept(reply, request, answer):
            self.keep(collection, resource, 0 if resources else size)
            resources.append(resource)
        if not request.background or request.stream:
            return reply
        return ResourceReply((resources[0],), now, None, reply.usage, reply.id, reply.created, reply.seconds)

    def remove(self, collection: str, id: str) -> None:
        """Forget a resource, and all that is inside it."""
        self._forget(collection, id)
        inside = within(collection, id)
        for each in tuple(self._collections.get(inside, ())):
            self.remove(inside, each)

    def _forget(self, collection: str, id: str) -> None:
        size = self._sizes.pop((collection, id), None)
        if size is None:
            return
        self._bytes -= size
        resources = self._collections[collection]
        del resources[id]
        if not resources:
            del self._collections[collection]

    def clear(self) -> None:
        """Forget everything."""
        self._collections.clear()
        self._sizes.clear()
        self._bytes = 0

    # --- what is asked ------------------------------------------------------------------------------

    def answer(self, request: ResourceRequest, now: float) -> ResourceReply:
        """Do what is asked, and tell the resources that it is about. Raises Failure for what is not there."""
        owner = self._owner(request, now)
        return ResourceReply(VERBS[request.verb](self, request, now), now, owner, any_id=self._any_id)

    def _created(self, request: ResourceRequest, now: float) -> tuple[Resource, ...]:
        return tuple([self._made(request.collection, each, now, request.size) for each in request.new])

    def _made(self, collection: str, new: NewResource, now: float, size: int) -> Resource:
        ends = now + max(each.seconds for each in new.done) if new.done else 0.0
        id = new.id or new.prefix + self._new_id()
        resource = Resource(id, now, new.raw, ends=ends, done=new.done)
        self.keep(collection, resource, size)
        for each in new.inside:
            self._made(within(collection, resource.id), each, now, 0)
        return resource

    def _listed(self, request: ResourceRequest, now: float) -> tuple[Resource, ...]:
        return self.all(request.collection)

    def _retrieved(self, request: ResourceRequest, now: float) -> tuple[Resource, ...]:
        return (self._meant(request, now),)

    def _updated(self, request: ResourceRequest, now: float) -> tuple[Resource, ...]:
        found = self._meant(request, now)
        return (self._replaced(request, replace(found, raw={**found.raw, **request.changes})),)

    def _deleted(self, request: ResourceRequest, now: float) -> tuple[Resource, ...]:
        found = self._meant(request, now)
        self.remove(request.collection, request.id)
        return (found,)

    def _cancelled(self, request: ResourceRequest, now: float) -> tuple[Resource, ...]:
        """What is over already stays as it is."""
        found = self._meant(request, now)
        if found.cancelled or found.ends <= now:
            return (found,)
        return (self._replaced(request, replace(found, cancelled=now)),)

    def _replaced(self, request: ResourceRequest, resource: Resource) -> Resource:
        self._collections[request.collection][resource.id] = resource
        return resource

    def _meant(self, request: ResourceRequest, now: float) -> Resource:
        """The resource that is asked for; raises the Failure where there is none, or where it is refused."""
        found = self.find(request.collection, request.id) or self._stood_in(request, now)
        if request.refuse is not None and (refusal := request.refuse(found, now)) is not None:
            raise refusal
        return found

    def _stood_in(self, request: ResourceRequest, now: float) -> Resource:
        """What stands in for a resource that is not there; it is kept. Raises where nothing may."""
        if request.stand_in is None:
            raise missing(request.collection, request.id)
        if not self._any_id:
            raise passing(missing(request.collection, request.id))
        made = request.stand_in(request.id)
        reply = replace(made.reply, created=int(now)) if made.reply is not None else None
        made = replace(made, created=now, reply=reply)
        self.keep(request.collection, made)
        return made

    def _owner(self, request: ResourceRequest, now: float) -> Resource | None:
        """The resource that the collection is in, if it is in one; raises where that is missing."""
        collection, _, id = request.collection.removesuffix(f"/{ITEMS}").rpartition("/")
        if within(collection, id) != request.collection:
            return None
        owner = self.find(collection, id)
        if owner is not None:
            return owner
        if not self._any_id:
            raise passing(missing(collection, id))
        owner = Resource(id, now, {})
        self.keep(collection, owner)
        return owner


VERBS: dict[str, Callable[[Collections, ResourceRequest, float], tuple[Resource, ...]]] = {
    "create": Collections._created,
    "list": Collections._listed,
    "retrieve": Collections._retrieved,
    "update": Collections._updated,
    "delete": Collections._deleted,
    "cancel": Collections._cancelled,
}


class AsOf:
    """What was kept before a time, of what is still kept."""

    def __init__(self, kept: Kept, time: float) -> None:
        self._kept = kept
        self._time = time

    def prompt(self, id: str) -> Prompt | None:
        return self._kept.prompt(id)

    def find(self, collection: str, id: str) -> Resource | None:
        found = self._kept.find(collection, id)
        return found if found is not None and found.created < self._time else None

    def all(self, collection: str) -> tuple[Resource, ...]:
        return tuple(self._before(collection))

    def _before(self, collection: str) -> Iterator[Resource]:
        return (each for each in self._kept.all(collection) if each.created < self._time)


def within(collection: str, id: str) -> str:
    """The name of the collection inside a resource."""
    return f"{collection}/{id}/{ITEMS}"


def missing(collection: str, id: str) -> Failure:
    """The failure of a resource that is not there; its facts are `collection` and `id`."""
    return Failure(None, "not_found", facts={"collection": collection.rpartition("/")[2], "id": id})


def passing(failure: Failure) -> Failure:
    """The failure, with a header that tells which setting lets the request pass."""
    failure.headers += (("x-understudy-passes-with", "--unknown-ids answer"),)
    return failure
