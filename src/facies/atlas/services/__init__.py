"""What the atlas does with an open run, one service per file; nothing here knows the web server."""
