"""What is seen of a project beyond single calls: sessions, users, tools, causes of errors, comparisons, live tail."""
