"""The table of settings in docs/install.md, made of billing/conf.py.

python .ci/settings_table.py            write it
python .ci/settings_table.py --check    change nothing; exit 1 where it would change
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "django_app"))

from billing.conf import Setting, all_settings  # noqa: E402

PAGE = ROOT / "docs" / "install.md"
BEGIN, END = "<!-- made of billing/conf.py by `make settings` -->", "<!-- end -->"
LONGEST = 60  # characters of a default in the table


def table() -> str:
    lines = ["| setting | default | |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {shown(setting)} | {setting.doc} |"
        for name, setting in all_settings().items()
    ]
    return "\n".join(lines)


def shown(setting: Setting[object]) -> str:
    """The default as one writes it; what is empty or long in words."""
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    if default in ("", [], {}):
        return "none"
    text = f"{default:_}" if type(default) is int else f"{default!r}".replace("'", '"')
    if len(text) > LONGEST:
        return "see `billing/conf.py`"
    if setting.in_sandbox is not None:
        return f'`{text}`; in sandbox mode `"{setting.in_sandbox}"`'
    return f"`{text}`"


def main() -> int:
    """See the module's docstring."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    wanted = f"{head}{BEGIN}\n{table()}\n{END}{tail}"
    if "--check" in sys.argv[1:]:
        if wanted != text:
            print(f"{PAGE.relative_to(ROOT)}: the settings have changed; run `make settings`")
        return int(wanted != text)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
