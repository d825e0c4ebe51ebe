"""Knowledge: corpora of documents, cut into chunks, searched with access lists applied before anything is ranked.

A corpus holds documents as they are now. To publish it makes a **version**: which revision of which document, cut how,
embedded by what. A version never changes and has a hash of its content, so that a release can hold it. A job builds it:
each document's revision is cut, its chunks are embedded, and what came of it rests as one row (`pieces.py`), so that an
unchanged chunk is embedded once and a job that is killed goes on where it was.

What is searched is an index (`index.py`): those rows put together as arrays, in files that are mapped into memory, made
anew by each machine wherever it lacks them (`shelf.py`). It is exact: every chunk that the seeker may see is looked at.
Approximate indexes lose recall just where access lists bite.

Two things are never frozen: who may see a document, and that it was deleted. Both are looked up when a search begins
(`standing.py`), so that they hold for every version at once.

What enters: documents; a question and who asks. What leaves: passages with their sources and scores. This room embeds
nothing by itself: it is given a callable.
"""
