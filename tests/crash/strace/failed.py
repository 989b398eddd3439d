"""The end of a proof that could not be tried."""


class Failed(Exception):
    """Nothing can be said."""
