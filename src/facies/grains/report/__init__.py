"""What a report, the command line and other programs show of grains."""
