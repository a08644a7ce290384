"""Configuration of a run: the YAML that LightningCLI users have, and the classes that it names."""

from autoact.training.configuration._component import Component
from autoact.training.configuration._reading import (
    Configuration,
    load_configuration,
    read_stored,
)

__all__ = ["Component", "Configuration", "load_configuration", "read_stored"]
