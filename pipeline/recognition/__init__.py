"""Recognition: from the crop of one line to its text, with the runners-up."""
