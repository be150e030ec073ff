"""What the atlas holds in memory of the runs that are open."""
