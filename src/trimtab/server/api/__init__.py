"""HTTP handlers, one file per room. Thin: decode, ask the room, encode."""
