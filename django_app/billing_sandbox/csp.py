"""Who may frame the stand-in's windows, and what its pages may load.

The site around it (or, alone, `standalone/settings.py`) forbids inline scripts, styles and foreign
frames for every page. A window stands in a frame of the page that opened it, and its form ends at
that shop's m_redirect_url: these two alone are allowed, for this one window.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

# As CSP spells them; django-csp, which sends the header, need not be there to be imported.
NONE, SELF = "'none'", "'self'"
_CLEAN = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")

# Alone there is no site around it.
PAGE_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


def framable(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view whose answers stand in frames; only our own unless it calls `allow_framing`."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.xframe_options_exempt = True
        if not hasattr(response, "_csp_replace"):
            allow_framing(response, opener=None)
        return response

    return answer


def allow_framing(response: HttpResponse, *, opener: str | None, form_target: str = "") -> None:
    """Say who may frame this answer and where its form may end.

    opener: the origin of the page that asked; "" where nobody knows it (a file, a sandboxed frame:
    then anybody may), None for us alone. form_target: the shop's address that the form is
    redirected to.
    """
    ancestors = None if opener == "" else [SELF, *([opener] if opener else [])]
    # What django-csp's own decorators set; they know no origin that differs from answer to answer.
    directives = {"frame-ancestors": ancestors, "form-action": [SELF, *_csp_source(form_target)]}
    response._csp_replace = directives  # type: ignore[attr-defined]


def _csp_source(address: str) -> list[str]:
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
