"""One study: which animal gets which session when, and what it meant."""
