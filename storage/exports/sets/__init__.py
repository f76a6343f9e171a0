"""Data sets for other programs: COCO, Hugging Face, Zooniverse."""
