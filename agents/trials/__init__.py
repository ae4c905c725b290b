"""Trying tools, agents and connections by hand: asked for by the web process, done by a worker, awaited by no thread.

The row in `agents_trial` is the truth. Bells may be lost: workers look now and then, and the sweep rings again.
"""
