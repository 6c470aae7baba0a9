"""The demonstration: a whole blinded study with simulated animals, by the study's own verbs."""
