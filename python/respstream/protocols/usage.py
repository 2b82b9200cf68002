"""The token counts of a response, for type checkers: at run time they are Payloads."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream.protocols.chat import objects as chat
    from respstream.protocols.messages import objects as messages
    from respstream.protocols.view import View

    class InputTokensDetails(View):
        """The parts of the input tokens, of Responses."""

        cache_write_tokens: int | None
        cached_tokens: int | None
        cache_write_tokens_details: View | None

    class OutputTokensDetails(View):
        """The parts of the output tokens, of Responses."""

        reasoning_tokens: int | None

    class Usage(View):
        """The token counts of a response of any API; what an API does not send is None."""

        input_tokens: int | None
        output_tokens: int | None
        total_tokens: int | None
        cached_tokens: int | None
        reasoning_tokens: int | None
        # Responses
        input_tokens_details: InputTokensDetails | None
        # Chat Completions
        prompt_tokens: int | None
        completion_tokens: int | None
        prompt_tokens_details: chat.CompletionUsagePromptTokensDetails
        completion_tokens_details: chat.CompletionUsageCompletionTokensDetails
        # Messages; the details are also those of Responses
        output_tokens_details: OutputTokensDetails | messages.OutputTokensDetails | None
        cache_creation: messages.UsageCacheCreation
        cache_creation_input_tokens: int | None
        cache_read_input_tokens: int | None
        server_tool_use: messages.UsageServerToolUse
        fallback_credit: messages.UsageFallbackCredit
        inference_geo: str | None
        iterations: messages.UsageIterations
        service_tier: str | None
        speed: str | None
