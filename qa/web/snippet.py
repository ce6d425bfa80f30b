"""What a site's owner pastes into a page to show the widget. Text in, text out."""

from __future__ import annotations

from html import escape

PLACEHOLDER = "wbs_…"
"""Stands for a site key that isn't known any more: keys are shown once."""


def script_tag(address: str, site_key: str) -> str:
    """The one line that puts the launcher on a page; ``address`` is where browsers reach this server."""
    return f'<script src="{escape(address.rstrip("/"))}/widget.js" data-site="{escape(site_key)}" async></script>'


def frame_tag(address: str, site_key: str) -> str:
    """For sites that allow no scripts of others: the same in a frame."""
    source = f"{address.rstrip('/')}/embed?site={site_key}"
    return f'<iframe src="{escape(source)}" title="问报" width="100%" height="580"></iframe>'
