"""One simulated world behind a simulated camera and a simulated board."""
