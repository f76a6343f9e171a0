"""What is there: collections, documents, pages, and what was read and corrected on them."""
