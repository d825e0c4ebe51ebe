"""Knowledge: corpora of documents, cut into chunks, searched with access lists applied before anything is ranked."""
