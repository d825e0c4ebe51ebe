"""What a server does by itself, beside what it is asked: of most duties one process of all on a catalog does it."""
