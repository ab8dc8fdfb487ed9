"""The history of revisions, read from the scripts alone: a listing and blobs in, a graph out."""
