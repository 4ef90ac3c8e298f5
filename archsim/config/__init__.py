"""Hardware files: strict YAML with positions, typed models, sources, shipped names."""

from archsim.config.hardware import Hardware, citations, load_hardware
from archsim.config.model import HardwareFile
from archsim.config.schema import hardware_schema
from archsim.config.sources import Citation

__all__ = ["Citation", "Hardware", "HardwareFile", "citations", "hardware_schema", "load_hardware"]
