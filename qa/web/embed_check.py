"""What would keep a site's pages from showing the widget: told from addresses and pasted headers. No I/O.

The server calls nobody: the owner pastes the headers that the site's page is sent with (``curl -sI https://site/page``).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from qa.access import read_origin

Level = Literal["good", "bad", "note"]
"""Fits; keeps the widget from working; neither, but good to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: a stable code, and what its sentence names."""

    level: Level
    code: str
    detail: str = ""


def check(site: str, server: str, headers: str, listed: Sequence[str], proxy: str | None = None) -> list[Finding]:
    """Findings for pages of ``site`` that show the widget of ``server``, both addresses as browsers see them.

    ``site`` may lack its scheme, as people write addresses: then it is https. ``headers`` are those of the site's page,
    a line each, or empty; ``listed`` are the origins of all sites; ``proxy`` is the address of one that stands before
    this server and isn't trusted.

    Raises:
        UsageError: ORIGIN_INVALID for either address.
    """
    site = site.strip()
    parts = urlsplit(site if "://" in site else f"https://{site}")
    page, ours = read_origin(f"{parts.scheme}://{parts.netloc}"), read_origin(server)
    findings = [Finding("good" if page in listed else "bad", "listed" if page in listed else "unlisted", page)]
    if page.startswith("https:") and ours.startswith("http:") and not _is_local(ours):
        findings.append(Finding("bad", "mixed", ours))
    if _is_local(ours) and not _is_local(page):
        findings.append(Finding("bad", "local", ours))
    if proxy is not None:
        findings.append(Finding("bad", "proxy", proxy))
    if not headers.strip():
        return [*findings, Finding("note", "unseen")]
    # Where redirects were followed, the page's own headers are the last ones.
    *_, status, last = ["", *_STATUS.split(headers)]
    sent = _headers(last)
    if status.startswith("3"):
        return [*findings, Finding("note", "redirect", ", ".join(sent.get("location", [])))]
    if status[:1] in {"4", "5"}:
        findings.append(Finding("note", "refused", status))
    policies = sent.get("content-security-policy", [])
    for policy in policies:
        findings += _policy(policy, page, ours)
    return findings if policies else [*findings, Finding("good", "no_policy")]


_STATUS = re.compile(r"^HTTP/[0-9.]+ +([0-9]{3}).*$", re.MULTILINE | re.IGNORECASE)


def _headers(text: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            # A header may hold several policies; each of them must allow what is loaded.
            found.setdefault(name.strip().lower(), []).extend(part.strip() for part in value.split(","))
    return found


def _policy(policy: str, page: str, ours: str) -> list[Finding]:
    directives: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *values = part.split() or [""]
        directives.setdefault(name.lower(), values)
    lacking = []
    for name, others in _ASKED.items():
        sources = next((directives[other] for other in others if other in directives), None)
        if sources is not None and not any(_allows(source, page, ours) for source in sources):
            lacking.append(name)
    findings = [Finding("bad", "policy", f"{name} {ours}") for name in lacking if name != "frame-src"]
    if findings and "frame-src" in lacking:
        findings.append(Finding("note", "frame", f"frame-src {ours}"))
    if "sandbox" in directives and "allow-same-origin" not in directives["sandbox"]:
        findings.append(Finding("bad", "sandbox"))
    return findings or [Finding("good", "policy_fits")]


_ASKED = {
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
}
"""What a policy must allow, by its name, and which directives say so, the first that is there."""


def _allows(source: str, page: str, ours: str) -> bool:
    """Whether a policy's source lets our address through (CSP level 3, §6.7.2.8)."""
    source, url = source.lower(), urlsplit(ours)
    if source in {"*", f"{url.scheme}:"} or (source == "'self'" and page == ours):
        return True
    match = re.fullmatch(r"(?:(https?)://)?([\w.*-]+|\[[0-9a-f:]+\])(?::(\d+|\*))?(/.*)?", source)
    if match is None:
        return False
    scheme, host, port, path = match.groups()
    if (scheme or urlsplit(page).scheme) not in {url.scheme, "http"} or (path or "/") != "/":
        return False
    name = url.hostname or ""
    if not (host == name or (host.startswith("*.") and name.endswith(host[1:]))):
        return False
    default = {"http": 80, "https": 443}[url.scheme]
    return port == "*" or int(port or default) == (url.port or default)


def _is_local(origin: str) -> bool:
    name = urlsplit(origin).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
