"""The openai SDK with its Responses API streams read natively: the same events, the same classes, equal objects.

    from openai import OpenAI
    from respstream.integrations.openai import accelerate

    client = accelerate(OpenAI())

For openai 2.x and 3.x. `accelerate` and `restore` are what most people need; `to_openai` and `from_openai` convert events
and responses, `record` keeps what a client gets, `resume` follows a background response over broken connections;
`python -m respstream.integrations.openai verify FILE…` compares both ways of reading on one's own streams.
"""

from respstream.integrations.openai._clients import accelerate, restore
from respstream.integrations.openai._convert import from_openai, to_openai
from respstream.integrations.openai._record import record
from respstream.integrations.openai._resume import AsyncResumedStream, ResumedStream, ResumeError, resume

__all__ = [
    "AsyncResumedStream",
    "ResumeError",
    "ResumedStream",
    "accelerate",
    "from_openai",
    "record",
    "restore",
    "resume",
    "to_openai",
]
