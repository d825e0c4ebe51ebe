"""One file per check; its name is the capability that a pass shows."""
