"""The config file: read whole and checked before anything starts, and read again when it changes."""
