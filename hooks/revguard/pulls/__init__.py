"""Who says the verdict where: a report in; outputs, summary, annotations and a comment out."""
