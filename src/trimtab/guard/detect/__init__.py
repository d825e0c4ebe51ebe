"""What the guards look with: plain forms of a text, recognisers, rules and small classifiers. All of it is pure."""
