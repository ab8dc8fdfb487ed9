"""`revguard rebase`: the staged tree and its base in, the branch's revisions on top of it out."""
