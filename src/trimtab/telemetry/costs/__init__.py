"""Questions to the ledger: the costs explorer, waste, burn-down, and its pages for re-pricing."""
