"""What is raised across the modules of the gateway."""


class ConfigError(ValueError):
    """What is wrong with the configuration, in one line."""
