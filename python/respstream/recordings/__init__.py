"""Files that contain recorded streams: reading, recording and replaying them."""
