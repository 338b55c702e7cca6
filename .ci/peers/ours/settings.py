"""Our site in live mode, as a public server runs it, with keys that are nobody's."""

from config.settings import live
from config.settings.inheritance import settings_of

globals().update(settings_of(live))
