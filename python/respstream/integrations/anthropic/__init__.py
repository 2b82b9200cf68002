"""The anthropic SDK with its streams of messages read natively: the same events, the same classes, equal objects.

    from anthropic import Anthropic
    from respstream.integrations.anthropic import accelerate

    client = accelerate(Anthropic())

For anthropic 2.x, its clients of Bedrock, Vertex and other platforms included. `record` keeps what a client gets;
`python -m respstream.integrations.anthropic verify FILE…` compares both ways of reading on one's own streams.
"""

from respstream.integrations.anthropic._clients import accelerate, restore
from respstream.integrations.anthropic._record import record

__all__ = ["accelerate", "record", "restore"]
