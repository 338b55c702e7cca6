"""Starting the program with good and bad configuration: one clear sentence, an exit code, never a
traceback, never somebody's secret.
"""

import json

import pytest

from config.tests.support.programs import EXAMPLE, good, one_sentence, without


def replaced(section, key, value):
    data = good()
    data[section][key] = value
    return data


def test_good(run):
    code, output = run(good(), "check")
    assert code == 0, output


def test_no_file(run):
    code, output = run(None, "check")
    assert code == 1
    one_sentence(
        output,
        "settings_common.json does not exist",
        "settings_common.example.json",
        "IAMPORT_MODE=sandbox",
    )


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (b"{", "is not valid JSON (line 1"),
        (b"", "is not valid JSON"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"[]", '"django"'),
        (b"null", '"django"'),
    ],
)
def test_a_broken_file(run, raw, part):
    code, output = run(raw=raw)
    assert code == 1
    one_sentence(output, "settings_common.json", part)


@pytest.mark.parametrize("section", ["django", "iamport"])
def test_a_missing_section(run, section):
    code, output = run(without(section))
    assert code == 1
    one_sentence(output, f'no section "{section}"')


KEYS = [
    ("django", "secret_key"),
    ("iamport", "iamport_code"),
    ("iamport", "iamport_key"),
    ("iamport", "iamport_secret"),
]


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_a_missing_empty_or_placeholder_value(run, section, key):
    placeholder = json.loads(EXAMPLE.read_text(encoding="utf-8"))[section][key]
    cases = [
        (without(section, key), "no value"),
        (replaced(section, key, ""), "no value"),
        (replaced(section, key, 7), "no value"),
    ]
    cases += [
        (replaced(section, key, placeholder), "placeholder"),
        (replaced(section, key, " abc "), "spaces"),
    ]
    for settings, words in cases:
        code, output = run(settings)
        assert code == 1
        one_sentence(output, "settings_common.json", f'"{key}"', words)


@pytest.mark.parametrize("channels", [[], "x"])
def test_channels_that_are_none(run, channels):
    code, output = run(replaced("iamport", "channels", channels or ["x"]))
    assert code == 1
    one_sentence(output, '"channels"')


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"IAMPORT_MODE": "test"}, "IAMPORT_MODE is 'test': write live or sandbox."),
        ({"DJANGO_DEBUG": "1"}, "DJANGO_DEBUG is on in live mode"),
        ({"DJANGO_DEBUG": "maybe"}, "DJANGO_DEBUG is 'maybe'"),
        ({"PORT": "eighty"}, "PORT is 'eighty'"),
        ({"PORT": "70000"}, "PORT is '70000'"),
        ({"PUBLIC_URL": "points.example"}, "PUBLIC_URL is 'points.example'"),
        ({"PUBLIC_URL": "https://points.example/path"}, "PUBLIC_URL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL cannot be read"),
        ({"CACHE_URL": "memcached://x"}, "CACHE_URL begins with 'memcached'"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "  "}, "DATABASE_URL is not set"),
        (
            {"DATABASE_URL": "sqlite:////no/such/folder/live.sqlite3"},
            "there is no folder /no/such/folder",
        ),
        ({"DATABASE_URL": "sqlite:///django_app"}, "which is a folder"),
        ({"DATABASE_URL": "sqlite:///live.sqlite3?mode=rw"}, "has a ? or #"),
        ({"DATABASE_URL": "sqlite:///live#2.sqlite3"}, "has a ? or #"),
        ({"DATABASE_URL": "sqlite://var/live.sqlite3"}, "names a host for a SQLite file"),
        ({"DATABASE_URL": "mysql://u:p@h/n"}, "not supported"),
        ({"DATABASE_URL": "sqlite://:memory:"}, "names no database"),
        ({"DATABASE_URL": "postgres://u:p@h/"}, "names no database"),
        ({"DJANGO_ALLOWED_HOSTS": "*"}, "DJANGO_ALLOWED_HOSTS is *"),
        ({"PUBLIC_URL": "https://[::1"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://points.example#x"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://points.example:99999999"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://points.example"}, "PUBLIC_URL begins with http://"),
        ({"CACHE_URL": "file://"}, "CACHE_URL names no folder"),
        ({"IAMPORT_API_URL": "https://"}, "must begin with https://"),
        ({"IAMPORT_MODE": "sandbox", "HOST": "192.0.2.1"}, "serves this machine only"),
        ({"DJANGO_TRUSTED_PROXY": "none,X-Forwarded-For"}, "DJANGO_TRUSTED_PROXY names 'none'"),
        ({"DJANGO_TRUSTED_PROXY": "X-Real-IP"}, "DJANGO_TRUSTED_PROXY names 'x-real-ip'"),
        ({"IAMPORT_API_URL": "http://127.0.0.1:9000/sandbox/api/"}, "must begin with https://"),
    ],
)
def test_a_bad_variable(run, variables, part):
    code, output = run(good(), **variables)
    assert code == 1
    one_sentence(output, part)


def test_values_that_nobody_was_given(run):
    for settings, words in [
        (replaced("iamport", "iamport_key", "…"), "placeholder"),
        (replaced("django", "secret_key", "short"), "too short"),
        (replaced("iamport", "channels", {"card": "channel-key-…"}), "placeholder"),
    ]:
        code, output = run(settings)
        assert code == 1
        one_sentence(output, words)


def test_a_file_from_windows(run):
    code, output = run(raw=b"\xef\xbb\xbf" + json.dumps(good()).encode())
    assert code == 0, output


def test_a_relative_path_begins_at_the_root(run, copy):
    (copy / "elsewhere.json").write_text(json.dumps(good()), encoding="utf-8")
    code, output = run(None, SETTINGS_COMMON_FILE="elsewhere.json")
    assert code == 0, output
