"""What the columns of a table hold and leave out, and what a cell may say in their light."""
