"""What type checkers know of JSON objects whose members are declared. At run time these objects are Payloads."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView
    from typing import Any

    class View:
        """A Payload whose members are declared: others are errors to type checkers. They can be read by key."""

        def __getitem__(self, key: str) -> Any: ...
        def __contains__(self, key: object) -> bool: ...
        def __iter__(self) -> Iterator[str]: ...
        def __len__(self) -> int: ...
        def get(self, key: str, default: Any = None) -> Any:
            """The member of that name, or `default` if it is missing."""

        def keys(self) -> KeysView[str]:
            """The names of the members, in the order of the JSON."""
            ...

        def values(self) -> list[Any]:
            """The members, all decoded."""
            ...

        def items(self) -> list[tuple[str, Any]]:
            """Pairs of name and member, all decoded."""
            ...

        def to_dict(self) -> dict[str, Any]:
            """The members as a new dict."""
            ...

        def model_dump(self) -> dict[str, Any]:
            """As `to_dict`."""
            ...

    class Usage(View):
        """The token counts of a response of any API; what an API does not send is None."""

        input_tokens: int | None
        output_tokens: int | None
        total_tokens: int | None
        cached_tokens: int | None
        reasoning_tokens: int | None
        input_tokens_details: Any
        output_tokens_details: Any
        prompt_tokens: Any
        completion_tokens: Any
        prompt_tokens_details: Any
        completion_tokens_details: Any
        cache_creation: Any
        cache_creation_input_tokens: Any
        cache_read_input_tokens: Any
        server_tool_use: Any
        service_tier: Any

    class ResponseMembers:
        """The members of the final objects of all APIs that are no properties of `Response`. Others can be read by key."""

        # Responses
        access_programs: Any
        background: bool | None
        completed_at: float | None
        conversation: Any
        created_at: float
        incomplete_details: Any
        instructions: Any
        max_output_tokens: int | None
        max_tool_calls: int | None
        metadata: Any
        misalignment: Any
        moderation: Any
        object: str
        parallel_tool_calls: bool
        previous_response_id: str | None
        prompt: Any
        prompt_cache_key: str | None
        prompt_cache_options: Any
        prompt_cache_retention: Any
        reasoning: Any
        safety_identifier: str | None
        service_tier: str | None
        store: bool | None
        temperature: float | None
        text: Any
        tool_choice: Any
        tool_usage: Any
        tools: list[Any]
        top_logprobs: int | None
        top_p: float | None
        truncation: str | None
        user: str | None
        # Chat Completions
        choices: list[Any]
        created: int
        system_fingerprint: str | None
        # Messages
        container: Any
        content: list[Any]
        context_management: Any
        role: str
        stop_details: Any
        stop_reason: str | None
        stop_sequence: str | None
        type: str
