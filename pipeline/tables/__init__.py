"""Tables: where they are, their grid, what each cell's ink is, and what the readings make of it."""
