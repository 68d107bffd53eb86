"""What can go wrong with the private servers, told to the person at the terminal."""


class ServersUnavailable(Exception):
    """The private servers could not be started; the message says why and what else can be done."""
