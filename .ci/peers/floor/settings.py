"""Our database under a Django that does nothing else: no middleware, one view."""

from peers.ours import settings as ours

globals().update({name: value for name, value in vars(ours).items() if name.isupper()})

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "peers.floor.urls"
