"""Pages as text: JSON, JSON Lines, plain text, Markdown."""
