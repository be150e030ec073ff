"""What the atlas does with an open run, one service a file."""
