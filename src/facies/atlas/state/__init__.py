"""What the atlas holds in memory of a run that is open; nothing here knows the services or the web server."""
