"""Posts and reads events with the client that api/generate-client.sh has generated from /openapi.json."""

import sys
import time

from event_client import AuthenticatedClient, Client
from event_client.api.events import get_event, post_events
from event_client.api.greetings import get_v1_hello
from event_client.models import AcceptedEvent, BatchAnswer, CloudEvent, CloudEventSpecversion, OutcomeAnswer, PlainEvent, Problem

url, key = sys.argv[1:]
ORDER = {"order_id": "order-1", "amount": 1999, "currency": "EUR"}


def event(event_id: str, **members) -> CloudEvent:
    return CloudEvent(specversion=CloudEventSpecversion.VALUE_0, id=event_id, source="/orders", type_="order.placed", **members)


def check(what: str, answer, status: int, kind: type):
    assert answer.status_code == status, f"{what}: {answer}"
    assert isinstance(answer.parsed, kind), f"{what}: {answer.parsed}"
    print(f"ok: {what}")
    return answer.parsed


stranger = Client(base_url=url)
assert get_v1_hello.sync(client=stranger).message == "Hello World!"
refused = check("without a key", post_events.sync_detailed(client=stranger, body=PlainEvent(type_="t")), 401, Problem)
assert refused.type_ == url + "/docs/problems/key-needed" and not refused.retryable, refused

client = AuthenticatedClient(base_url=url, token=key)
made = check("one event", post_events.sync_detailed(client=client, body=event("order-1", data=ORDER)), 202, AcceptedEvent)
assert (made.id, made.source) == ("order-1", "/orders"), made
least = check("as little as there can be", post_events.sync_detailed(client=client, body=PlainEvent(type_="order.created"), idempotency_key='"k-1"'), 202, AcceptedEvent)

batch = check("many, of which one is wrong", post_events.sync_detailed(
    client=client, body=[event("order-2", data=ORDER), event("order-3", data={"order_id": "order-3"})]), 207, BatchAnswer)
assert [r.status for r in batch.results] == [202, 422], batch
assert {e.pointer for e in batch.results[1].problem.errors} == {"/1/data"}, batch

# Where there are keys, the source of an event that names none is its client's own.
assert (least.id, least.source) == ("k-1", "/event-processing-service/api/generated"), least

for event_id, source in (("order-1", "/orders"), (least.id, least.source)):
    for _ in range(100):
        outcome = get_event.sync_detailed(event_id, client=client, source=source)
        if outcome.status_code != 404:
            break
        assert outcome.parsed.retryable, outcome
        time.sleep(0.1)
    done = check(f"what became of {event_id}", outcome, 200, OutcomeAnswer)
    assert done.status.value == "processed", done
