"""Random streams: the message is that of the SDK, and no streamed text disappears."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from types import ModuleType

from respstream import _fallback
from respstream.delta_stream import DeltaDecoder
from tests.support import readings
from tests.support.messages_sdk import differences, sdk_message
from tests.support.messages_streams import jsonl, sse, stream

COUNT = 200


def test_message_is_that_of_the_sdk(backend: ModuleType) -> None:
    made = [stream(Random(number), number) for number in range(COUNT // 4)]
    for one in made:
        assert one.sdk
        body = sse(one.events)
        decoder = backend.Decoder()
        decoder.feed(body)
        decoder.finish()
        assert differences(sdk_message(body), decoder.responses[0].to_dict()) == []
        assert decoder.diagnostics == []


def test_same_without_event_lines_and_as_json_lines(backend: ModuleType) -> None:
    for number in range(COUNT // 4):
        events = stream(Random(number), number, dialects=True).events
        found = []
        for body in (sse(events), sse(events, names=False), jsonl(events)):
            decoder = backend.Decoder(api="messages")
            decoder.feed(body)
            decoder.finish()
            found.append([(response.to_dict(), response.status) for response in decoder.responses])
        assert found[0] == found[1] == found[2]


def test_nothing_disappears(backend: ModuleType) -> None:
    """Each streamed text is in the message, or a warning or an error names its block."""
    for number in range(COUNT):
        made = stream(Random(number), number, dialects=True)
        decoder = backend.Decoder()
        decoder.feed(sse(made.events))
        decoder.finish()
        (response,) = decoder.responses
        for word in made.texts:
            assert word in response.to_json().decode(), (number, word)


def test_split_anywhere(backend: ModuleType) -> None:
    for number in range(COUNT // 5):
        rng = Random(number)
        body = sse(stream(rng, number, dialects=True).events)
        cuts = [rng.randint(0, len(body)) for _ in range(rng.choice([1, 5, 50]))]
        assert readings.read(backend, body, cuts) == readings.read(backend, body)
        assert readings.fold(backend, body, cuts).responses == readings.read(backend, body).responses


def test_end_of_the_stream_changes_only_the_end(backend: ModuleType) -> None:
    """Without its last events a message has the same content."""
    for number in range(COUNT // 4):
        events = stream(Random(number), number).events
        whole, cut = (readings.read(backend, sse(some)).responses[0] for some in (events, events[:-2]))
        assert (whole["output_text"], whole["reasoning_text"]) == (cut["output_text"], cut["reasoning_text"])
        assert whole["tool_calls"] == cut["tool_calls"]
        assert (cut["complete"], cut["status"]) == (False, "in_progress")
        assert "no_terminal" in [one["code"] for one in cut["diagnostics"]]


def test_deltas_are_the_arguments() -> None:
    """The deltas of each call are its arguments, also where the input came without deltas."""
    for number in range(COUNT):
        body = sse(stream(Random(number), number, dialects=True).events)
        decoder = DeltaDecoder(api="messages")
        found: defaultdict[str | None, str] = defaultdict(str)
        for delta in (*decoder.feed(body), *decoder.finish()):
            if delta.kind == "tool_arguments":
                found[delta.call_id] += delta.text
        (response,) = readings.fold(_fallback, body).responses
        calls = {call["call_id"]: call["arguments"] or "" for call in response["tool_calls"] if call["call_id"]}
        assert {ident: text for ident, text in found.items() if ident} == {i: text for i, text in calls.items() if text}
