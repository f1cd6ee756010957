"""Bad configuration. Apart from ``config``, so that who only refuses a setting does not load pydantic (a quarter of a second of ``malle``)."""


class ConfigError(Exception):
    """The configuration cannot be used. The message has a line for each fault, with file, line and path."""
