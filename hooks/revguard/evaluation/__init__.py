"""One tree of one environment in, what its models, scripts and database say of each other out."""
