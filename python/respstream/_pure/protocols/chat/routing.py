"""Where a completion begins: chunks carry no event for it, but their ids and finish reasons tell.

Neighbouring completions of a lane end at `[DONE]`, at the end of the source, or at a chunk of another id once all choices have
finished. A server that gives each chunk an id of its own ends a completion by `[DONE]` alone. Chunks without choices belong
to the open completion: they have its usage; those without an id, which Azure sends first, belong to the next one.
"""

from __future__ import annotations

from respstream._pure.json import clean_text
from respstream._pure.protocols.chat.context import choices_of
from respstream._pure.protocols.chat.response import Folded
from respstream._pure.protocols.protocol import ParsedEvent


def begins(response: Folded, parsed: ParsedEvent) -> bool:
    """Whether a chunk begins a completion, although the one before in its lane is open."""
    members, got, choices = parsed.members, parsed.members.get("id"), choices_of(parsed.members)
    ident = clean_text(got) if type(got) is str else ""
    if parsed.response:  # found by its id
        return response.ended and bool(choices)
    if not choices:
        if members.get("usage") is not None:
            return False
        if not ident:
            return response.finished or (parsed.response is not None and response.id is not None)
        return response.finished and _is_other(response, ident)
    return response.ended or (response.finished and _is_other(response, ident))


def _is_other(folded: Folded, ident: str) -> bool:
    """Whether a chunk has another id than the completion, whose chunks all have the same."""
    return bool(ident) and ident != folded.id and not folded.id_changed
