"""Records on disk before they are acknowledged, and their way from there: written, drained, watched from beside."""
