"""One portable file with a corpus: texts, structure, vectors, settings, and a manifest with the hash of each.

Above ``qa.indexing``, whose way into the store an imported pack takes too. A pack is a zip file of a few members of
fixed names, stored without compression: the same corpus gives the same bytes on every machine, nothing in it can grow
when it is read, and nothing of it is ever written under a name of its own. docs/store.md describes it.

``write_pack`` writes one; ``Pack.open`` proves every byte before anything is changed; ``merge`` takes packs in.
"""

from qa.pack.merge import MergeReport, merge
from qa.pack.read import Pack
from qa.pack.write import write_pack

__all__ = ["MergeReport", "Pack", "merge", "write_pack"]
