"""Compliance: what the catalog and the telemetry can show of how a project was run, for whoever has to answer for it.

Why it exists: an auditor asks who approved what, what went wrong, who overrode whom, what was measured, and today that
is a week of screenshots. What enters: a project, a period, figures of the traffic. What leaves: sections of plain
rows, each from the records that the other rooms keep anyway; the articles and controls of three frameworks, each with
the sections that speak to it and what nobody but the organisation itself can add; cards of apps and models. Nothing is
judged: a section without rows says so, and no control is ever called met.
"""
