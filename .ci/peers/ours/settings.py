"""Our site in live mode, as a public server runs it, with keys that are nobody's.

It also serves the revision that `cpu` compares with, whose settings lie elsewhere.
"""

import os
from importlib import import_module
from importlib.util import find_spec

_modes = bool(getattr(find_spec("config.settings"), "submodule_search_locations", None))
_live = import_module("config.settings.live" if _modes else "config.settings")
globals().update({name: value for name, value in vars(_live).items() if name.isupper()})

# Throttles count as ever and never refuse: a few members do here what thousands do elsewhere.
BILLING_CHECKOUTS_PER_MINUTE = BILLING_VALIDATIONS_PER_MINUTE = 10**6

# A gateway of this machine, where one is part of the measure. Live mode itself insists on HTTPS.
if os.environ.get("PEERS_GATEWAY"):
    IAMPORT_API_URL = os.environ["PEERS_GATEWAY"]
