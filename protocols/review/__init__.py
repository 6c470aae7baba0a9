"""A person looks at recordings: plays them, corrects tracks, checks by the eye. No window here."""
