"""`revguard squash`: the branch's several revisions become one, proven to do the same."""
