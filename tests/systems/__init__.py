"""Systems that people publish, as settings files of this program, corrected where they could not have worked.

Each file says above what it is and what was wrong; `written` has the wrong parts as they were published.
"""
