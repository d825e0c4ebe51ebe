"""Bodies of the management API, a file for each kind of thing: what routes take in and answer with."""
