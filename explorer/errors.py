"""What can go wrong for a reason a person can mend: each error names the thing and the remedy."""


class ExplorerError(Exception):
    """Base of every error that is shown to the user as one clear line."""


class ConfigError(ExplorerError):
    """A setting, preset or settings file that cannot be used."""


class DataError(ExplorerError):
    """A data set that is missing, broken or of the wrong shape."""


class RunError(ExplorerError):
    """A run folder that is missing, incomplete, damaged or not writable."""


class DeviceError(ExplorerError):
    """A compute device that this machine does not have."""


class TrainingError(ExplorerError):
    """Training that cannot go on: a loss that is no number, or no memory left."""
