"""What git is about to commit: a repository in; trees, files on disk and changes out."""
