"""Members of a site that is asked over HTTP. python -m peers.ours.people NUMBER: makes them, logs
them in, and prints their sessions as JSON. It runs in older revisions too, so it knows Django only.
"""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    """Print the session of each."""
    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    sessions = []
    for number in range(int(sys.argv[1])):
        client, users = Client(), get_user_model().objects
        user = users.create_user(f"member-{number}", email="member@example.com")
        client.force_login(user, settings.AUTHENTICATION_BACKENDS[-1])
        sessions.append(client.cookies["sessionid"].value)
    print(json.dumps(sessions))


if __name__ == "__main__":
    main()
