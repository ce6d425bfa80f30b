"""Who may ask from where: sites with their origins and limits, site keys, API tokens, visitors' signed tokens.

All of it is in ``DATA/access.db``. ``values`` says what there is, ``origins`` reads a site's addresses, ``database``
keeps it, ``visitors`` signs the short tokens that a page's visitor asks with. Who asks over HTTP is decided from these
by ``qa.web.credentials`` alone.
"""

from qa.access.database import NAME, Access
from qa.access.origins import read_origin
from qa.access.values import SCOPES, Credential, Scope, Site, SiteLimits
from qa.access.visitors import Visitor

__all__ = [
    "NAME",
    "SCOPES",
    "Access",
    "Credential",
    "Scope",
    "Site",
    "SiteLimits",
    "Visitor",
    "read_origin",
]
