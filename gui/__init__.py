"""Windows on the rig and the study. They show and ask; they decide nothing."""
