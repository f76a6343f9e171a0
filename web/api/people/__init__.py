"""Who may use the application, and what they did."""
