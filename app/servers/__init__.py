"""The servers that others run for us: how Redis is reached, and why a server cannot be used."""
