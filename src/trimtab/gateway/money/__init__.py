"""What a call costs and may cost, seen from its path: reserved before, settled after, written down once.

`spending.py` asks the ledger's limits for the worst case and `settle.py` says what it came to, `books.py` closes a
call's record, `repricing.py` prices past rows again. The rules and the counting itself live in `ledger/`.
"""
