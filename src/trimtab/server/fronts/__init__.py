"""The data plane's own endpoints beside the plain calls: those whose paths say something, and the small ones."""
