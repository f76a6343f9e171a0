"""Tables that check themselves: what columns hold, what must add up, and what that proves."""
