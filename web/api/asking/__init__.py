"""Questions: search, SQL, exports, runs, and one image to be read at once."""
