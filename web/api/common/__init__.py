"""What the endpoints share: lists in parts, ETags, the shapes of what they send."""
