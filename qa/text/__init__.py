"""What matching sees of a text, and where it stands in the original; second below everything that reads or searches.

``fold`` makes spellings of the same thing equal and keeps an offset map back, ``sentences`` finds sentence borders,
``Terms`` cuts text into the terms of the lexical index. Nothing that is shown or cited ever comes from here: only
places do.
"""

from qa.text.boundaries import sentences
from qa.text.folding import FOLD_VERSION, Folded, fold, fold_text
from qa.text.terms import TERMS_VERSION, Terms

__all__ = ["FOLD_VERSION", "TERMS_VERSION", "Folded", "Terms", "fold", "fold_text", "sentences"]
