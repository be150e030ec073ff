"""Ways out of a run: tables, folders of images, and other programs."""
