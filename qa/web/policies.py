"""The headers of every response: what a browser may do with a page of ours. Values only, no I/O.

A route may set a header of its own, above all a policy with its own ``frame-ancestors``; what it leaves out is added.
"""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Our own pages need nothing but their style sheet and icon."""
SCRIPTED_PAGE_POLICY = PAGE_POLICY.replace("; style-src", "; script-src 'self'; connect-src 'self'; style-src", 1)
"""Our own pages with scripts: the files under /ui/, never a line within the page."""
# Gradio's page: its inline scripts are allowed by their hash, one by one; Svelte sets styles at run time.
_CHAT_POLICY = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def chat_policy(page: bytes) -> str:
    """The policy of a page of Gradio's, which allows the inline scripts that it has."""
    return _CHAT_POLICY.format(hashes=script_hashes(page))


def script_hashes(page: bytes) -> str:
    """CSP sources for the inline scripts of an HTML page: `` 'sha256-…'`` each (CSP level 3, §8.4)."""
    digests = (hashlib.sha256(found[1]).digest() for found in _INLINE_SCRIPT.finditer(page))
    return "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def add_headers(headers: MutableHeaders, policy: str) -> None:
    """The security headers, besides those that the route has set; ``policy`` unless it has one."""
    if "content-security-policy" not in headers:
        headers["content-security-policy"] = policy
        headers["x-frame-options"] = "DENY"  # for browsers that don't know frame-ancestors
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
