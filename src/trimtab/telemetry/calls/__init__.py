"""From the record of a call of our own gateway to rows: `mapper.py` is where to begin, the others are what it adds for
guards, for knowledge and for the books. What other tools send becomes rows in `mapping/`."""
