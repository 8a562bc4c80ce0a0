"""A Discord bot that stores a community's messages and finds those that say alike things."""
