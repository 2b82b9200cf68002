"""The members of responses, for type checkers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.protocols.chat import objects as chat
    from respstream.protocols.messages import objects as messages
    from respstream.protocols.messages.types import ContentBlock
    from respstream.protocols.responses import objects

    class ResponseMembers:
        """The members of the final objects of all APIs that are no properties of `Response`. Others can be read by key."""

        # Responses
        access_programs: objects.FinalAccessPrograms
        background: bool | None
        completed_at: float | None
        conversation: objects.FinalConversation
        created_at: float
        image: objects.FinalImage
        incomplete_details: objects.FinalIncompleteDetails
        instructions: objects.FinalInstructions
        max_output_tokens: int | None
        max_tool_calls: int | None
        metadata: Any
        moderation: objects.FinalModeration
        object: str
        parallel_tool_calls: bool
        previous_response_id: str | None
        prompt: objects.FinalPrompt
        prompt_cache_diagnostics: objects.FinalPromptCacheDiagnostics
        prompt_cache_key: str | None
        prompt_cache_options: objects.FinalPromptCacheOptions
        prompt_cache_retention: str | None
        reasoning: objects.FinalReasoning
        safety_identifier: str | None
        service_tier: str | None
        temperature: float | None
        text: objects.FinalText
        tool_choice: objects.FinalToolChoice
        tool_usage: objects.FinalToolUsage
        tools: objects.FinalTools
        top_logprobs: int | None
        top_p: float | None
        truncation: str | None
        user: str | None
        # Chat Completions
        choices: list[chat.CompletionChoice]
        created: int
        system_fingerprint: str | None
        # Messages
        container: messages.MessageContainer
        content: list[ContentBlock]
        context_management: messages.MessageContextManagement
        input_transformations: (
            objects.FinalInputTransformations | messages.MessageInputTransformations
        )  # also Responses
        role: str
        stop_details: messages.MessageStopDetails
        stop_reason: str | None
        stop_sequence: str | None
        type: str
