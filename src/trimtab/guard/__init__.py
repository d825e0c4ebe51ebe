"""Guards: checks on what goes to a model, what comes back, and what tools are told and tell."""
