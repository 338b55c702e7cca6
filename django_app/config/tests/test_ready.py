"""/readyz: the database is migrated and the cache keeps what it is given; the answer says which of
them fails.
"""

import pytest
from django.core.cache import cache
from django.core.cache.backends.filebased import FileBasedCache

pytestmark = pytest.mark.django_db

FILES = "django.core.cache.backends.filebased.FileBasedCache"


def test_ready_asks_the_cache_and_leaves_nothing_there(client, monkeypatch):
    kept = []
    real = FileBasedCache.set

    def keep(self, key, *args, **options):
        kept.append(key)
        return real(self, key, *args, **options)

    monkeypatch.setattr(FileBasedCache, "set", keep)
    assert client.get("/readyz").content == b"ok\n"
    (key,) = [name for name in kept if name.startswith("readyz-")]
    assert cache.get(key) is None


def test_a_folder_that_cannot_be_written_is_not_ready(client, settings, tmp_path, caplog):
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    settings.CACHES = {"default": {"BACKEND": FILES, "LOCATION": str(blocked / "cache")}}
    response = client.get("/readyz")
    assert (response.status_code, response.content) == (
        503,
        b"the cache does not keep what it is given\n",
    )
    assert str(tmp_path) not in response.content.decode()
    assert any("the cache does not answer: " in record.message for record in caplog.records)
    assert client.get("/healthz").status_code == 200


def test_a_cache_that_forgets_at_once_is_not_ready(client, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert client.get("/readyz").status_code == 503
