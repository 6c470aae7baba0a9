"""The page of a study: begun, filled, drawn, and its days."""
