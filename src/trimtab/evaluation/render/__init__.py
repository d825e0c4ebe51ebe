"""A report as texts: for a terminal, for a pull request (Markdown), for CI (JUnit's XML). Pure."""
