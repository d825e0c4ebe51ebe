"""Red team: attacks of our own on a team's releases, run as experiments, told by OWASP's categories."""
