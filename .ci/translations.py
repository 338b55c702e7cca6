"""Translations without gettext: collect the texts of the sources, keep the .po files, compile the
.mo files. Uses Babel. Each app carries the texts that its own sources use, so that it can be
installed alone; a text that two apps use reads the same in both.

python .ci/translations.py            collect and compile; new texts appear untranslated in the .po
  file
python .ci/translations.py --check    change nothing; exit 1 if a text is missing, untranslated,
  fuzzy, obsolete or not compiled
"""

import io
import os
import re
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "django_app"
sys.path.insert(0, str(APP))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"

import django  # noqa: E402
from babel.messages.catalog import Catalog, Message  # noqa: E402
from babel.messages.extract import extract  # noqa: E402
from babel.messages.mofile import read_mo, write_mo  # noqa: E402
from babel.messages.pofile import read_po, write_po  # noqa: E402
from django.utils.translation.template import templatize  # noqa: E402

django.setup()

LANGUAGES = ["ko"]  # English is the language of the sources
# Each app, and the folders whose texts it carries.
APPS = {
    "billing": ["billing"],
    "billing_office": ["billing_office"],
    "billing_sandbox": ["billing_sandbox"],
    "accounts": ["accounts"],
    "config": ["config", "templates"],
}
KEYWORDS = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def collected(app: str) -> Catalog:
    """Every text of an app's Python sources and templates, tests left out."""
    catalog = Catalog(charset="utf-8")
    for path in sorted(path for folder in APPS[app] for path in (APP / folder).rglob("*")):
        if (
            path.suffix not in {".py", ".html", ".txt"}
            or "tests" in path.parts
            or "migrations" in path.parts
            or not path.is_file()
        ):
            continue
        source = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            # Made for xgettext, which does not mind indentation; Python's tokenizer does.
            source = "\n".join(
                line.strip() for line in templatize(source, origin=str(path)).splitlines()
            )
        for _line, message, comments, context in extract(
            "python", io.BytesIO(source.encode()), keywords=KEYWORDS, comment_tags=["Translators"]
        ):
            flags = ["python-format"] if "%(" in str(message) else []
            catalog.add(
                message,
                locations=[(str(path.relative_to(ROOT)), None)],
                flags=flags,
                auto_comments=comments,
                context=context,
            )
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """The .mo file's bytes."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def po_file(app: str, language: str) -> Path:
    return APP / app / "locale" / language / "LC_MESSAGES" / "django.po"


def translations(language: str) -> dict[str, Catalog]:
    """What is translated by now, by app."""
    return {
        app: read_po(po_file(app, language).open("rb"), locale=language)
        if po_file(app, language).exists()
        else Catalog(locale=language, charset="utf-8", fuzzy=False)
        for app in APPS
    }


def update(app: str, language: str, texts: Catalog, before: dict[str, Catalog]) -> None:
    """Merge new texts into the app's .po file, drop what is gone, compile. A text that another app
    has translated already is taken from there.
    """
    path = po_file(app, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog = before[app]
    catalog.update(texts, no_fuzzy_matching=True)
    for message in catalog:
        for other in before.values():
            there = other.get(message.id, message.context) if message.id else None
            if there is not None and not translated(message) and translated(there):
                message.string = there.string
    catalog.header_comment = (
        f"# The texts of {app}. Collected by `make messages`; edit the msgstr lines here, then run "
        "it again."
    )
    catalog.project, catalog.version, catalog.msgid_bugs_address = "Prepaid points", "1", ""
    catalog.last_translator = catalog.language_team = ""
    # A file that changes only when texts do.
    catalog.creation_date = catalog.revision_date = datetime(2026, 11, 23, tzinfo=UTC)
    catalog.obsolete.clear()
    with path.open("wb") as out:
        write_po(out, catalog, width=0, sort_output=True, omit_header=False, include_lineno=False)
    path.with_suffix(".mo").write_bytes(compiled(read_po(path.open("rb"), locale=language)))


def translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else [message.string]
    return all(strings)


@cache
def djangos(language: str) -> dict[str, set[str]]:
    """Django's own texts without a context, and how they read."""
    found: dict[str, set[str]] = {}
    folder = Path(django.__file__).parent
    for path in [*folder.glob(f"contrib/*/locale/{language}/LC_MESSAGES/django.mo"),
                 folder / "conf" / "locale" / language / "LC_MESSAGES" / "django.mo"]:  # fmt: skip
        for message in read_mo(path.open("rb")):
            if isinstance(message.id, str) and message.id and not message.context:
                found.setdefault(message.id, set()).add(str(message.string))
    return found


def faults(app: str, language: str, texts: Catalog, known: dict[str, Catalog]) -> list[str]:
    """What is wrong with an app's files of a language, one line each."""
    catalog = known[app]
    found = []
    for message in texts:
        if not message.id:
            continue
        there = catalog.get(message.id, message.context)
        strings = (
            there.string
            if there is not None and isinstance(there.string, tuple)
            else (there.string if there is not None else "",)
        )
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        if there is None or not all(strings):
            found.append(f"not translated: {message.id!r}")
        elif there.fuzzy:
            found.append(f"fuzzy: {message.id!r}")
        elif any(
            set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(ids[-1])) for text in strings
        ):
            found.append(f"placeholders differ: {message.id!r}")
    found += [
        f"not in the sources any more: {message.id!r}"
        for message in catalog
        if message.id and texts.get(message.id, message.context) is None
    ]
    # In a project all catalogues are one: whoever comes first speaks for both.
    found += [
        f"reads otherwise in Django, so it needs a context: {message.id!r}"
        for message in catalog
        if message.id
        and not message.context
        and djangos(language).get(str(message.id), {message.string}) != {message.string}
    ]
    found += [
        f"reads otherwise in {other}: {message.id!r}"
        for other, theirs in known.items()
        for message in catalog
        if message.id
        and (there := theirs.get(message.id, message.context)) is not None
        and there.string != message.string
    ]
    mo_file = po_file(app, language).with_suffix(".mo")
    if not mo_file.exists() or compiled(catalog) != mo_file.read_bytes():
        found.append(f"{mo_file.name} is not what the .po file compiles to")
    return found


def main() -> int:
    """See the module's docstring."""
    texts = {app: collected(app) for app in APPS}
    wrong: list[str] = []
    for language in LANGUAGES:
        if "--check" not in sys.argv[1:]:
            before = translations(language)
            for app in APPS:
                update(app, language, texts[app], before)
        known = translations(language)
        for app in APPS:
            wrong += [
                f"{language}, {app}: {line}" for line in faults(app, language, texts[app], known)
            ]
    number = sum(len(found) for found in texts.values())
    print("\n".join(wrong) or f"{number} texts, all translated: {', '.join(LANGUAGES)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
