"""Who may frame the stand-in's windows, and what its pages may load.

The site around it (or, alone, `settings.py`) forbids inline scripts, styles and foreign frames for
every page. A window stands in a frame of the page that opened it, and its form ends at that shop's
m_redirect_url: these two alone are let in, for this one window.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.http import HttpRequest, HttpResponse

_CLEAN = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")

# Alone there is no site around it.
PAGES = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


def in_frames(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view whose answers stand in frames; only our own unless it calls `let_in`."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.xframe_options_exempt = True
        if not hasattr(response, "_csp_replace"):
            let_in(response, opener=None)
        return response

    return answer


def let_in(response: HttpResponse, *, opener: str | None, leads_to: str = "") -> None:
    """Say who may frame this answer and where its form may end.

    opener: the origin of the page that asked; "" where nobody knows it (a file, a sandboxed frame:
    then anybody may), None for us alone. leads_to: the shop's address that the form is redirected
    to.
    """
    ancestors = None if opener == "" else [SELF, *([opener] if opener else [])]
    # What django-csp's own decorators set; they know no origin that differs from answer to answer.
    response._csp_replace = {  # type: ignore[attr-defined]
        "frame-ancestors": ancestors,
        "form-action": [SELF, *_source(leads_to)],
    }


def _source(address: str) -> list[str]:
    """The origin of a web address as a source of CSP. A host that CSP cannot spell lets every one
    in.
    """
    try:
        parts = urlsplit(address)
    except ValueError:  # "http://["
        return []
    if _CLEAN.fullmatch(parts.netloc):
        return [f"{parts.scheme}://{parts.netloc}"]
    return ["http:", "https:"] if address else []
