"""The Discord door: extensions, and with an underscore what they share."""
