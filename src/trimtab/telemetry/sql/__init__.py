"""A read-only SQL door over one project."""
