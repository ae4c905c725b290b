"""`make bench`: how fast it is, beside yardsticks measured in the same run on the same machine."""
