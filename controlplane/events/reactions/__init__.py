"""Events go up: an app above reacts to facts from below, which does not know of it.

`declared.py` says what a reaction is, `reading.py` finds what it has not seen, `reacting.py` carries it out, `bell.py`
says that there is something, `failing.py` what becomes of a reaction that raises.
"""
