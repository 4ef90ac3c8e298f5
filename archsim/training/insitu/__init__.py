"""In-situ training: weights that learn where they are stored, in analog synapses that answer pulses as devices do.

`SynapticDevice` says how a cell answers a pulse, `UpdateSettings` which rule turns gradients into pulses and in which
order; `InSitu` adds how arrays are read, and is what a `Recipe` takes. `start_layer` makes a layer's state, `update`
changes it in place and returns counts of what was written. Prices are not here: counts are whole numbers.
"""

from archsim.training.insitu.counts import WriteCounts, write_energy
from archsim.training.insitu.devices import CURVES, SynapticDevice, asymmetric, symmetric
from archsim.training.insitu.layer import LayerState, start_layer
from archsim.training.insitu.recipe import Converters, InSitu
from archsim.training.insitu.record import LayerRecord, Record
from archsim.training.insitu.rules import RULES, update
from archsim.training.insitu.settings import PulseScale, Step, UpdateSettings
from archsim.training.insitu.storage import Kept, kept

__all__ = [
    "CURVES",
    "RULES",
    "Converters",
    "InSitu",
    "Kept",
    "LayerRecord",
    "LayerState",
    "PulseScale",
    "Record",
    "Step",
    "SynapticDevice",
    "UpdateSettings",
    "WriteCounts",
    "asymmetric",
    "kept",
    "start_layer",
    "symmetric",
    "update",
    "write_energy",
]
