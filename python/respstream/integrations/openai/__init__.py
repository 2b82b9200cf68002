"""The openai SDK with its Responses API streams read natively: the same events, the same classes, equal objects.

    from openai import OpenAI
    from respstream.integrations.openai import accelerate

    client = accelerate(OpenAI())

For openai 2.x and 3.x. `accelerate` and `restore` are what most people need; `to_openai` and `from_openai` convert events
and responses, `record` keeps what a client gets; `python -m respstream.integrations.openai verify FILE…` compares both
ways of reading on one's own streams.
"""

from respstream.integrations.openai._clients import accelerate, restore
from respstream.integrations.openai._convert import from_openai, to_openai
from respstream.integrations.openai._record import record

__all__ = ["accelerate", "from_openai", "record", "restore", "to_openai"]
