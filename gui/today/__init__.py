"""The page of a day: who is next, what is waited for, and what went otherwise."""
