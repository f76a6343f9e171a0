"""What the parts of a page are, in the order in which they are read."""
