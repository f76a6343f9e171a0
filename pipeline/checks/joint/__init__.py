"""Joint reading: of all readings of a sheet, those that its relations make likeliest together."""
