"""The controller that is flashed on the board: an Arduino sketch, and how it is built."""
