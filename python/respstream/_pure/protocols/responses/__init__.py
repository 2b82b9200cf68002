"""The Responses API: its events, and how they assemble a response."""

LANE_FIELD = "stream_id"
"""The member that names the lane of an event."""
URL_PATH = "/responses"
"""The end of the path of the URL to which a client posts its requests."""
