"""What the engine tells itself."""

from django.dispatch import Signal

webhook_queued = Signal()  # after commit: the worker wakes up
