"""What a check needs, looked at piece by piece: options in, lines with what mends each out."""
