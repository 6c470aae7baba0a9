"""One day of a study: what is due, in which order, at what time, by whom. Pure but for paper."""
