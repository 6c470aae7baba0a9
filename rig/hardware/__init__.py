"""Everything that touches the world: cameras, serial ports, and the simulated rig."""
