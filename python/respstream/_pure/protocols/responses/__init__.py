"""The Responses API: its events, and how they assemble a response."""

LANE_FIELD = "stream_id"
"""The member that names the lane of an event."""
URL_PATH = "/responses"
"""The end of the path of the URL to which a client posts its requests."""
CHAT_NAMES = {
    "input_tokens": "prompt_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens": "completion_tokens",
    "output_tokens_details": "completion_tokens_details",
}
"""The names of the members of `usage` in Chat Completions, which some servers send instead, by those of the Responses API."""
