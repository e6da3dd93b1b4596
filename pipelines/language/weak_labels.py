"""What queries want, told by their words and by what came of them, where that is plain; the classifier learns the rest.

The cues are the characteristics that Jansen, Booth and Spink (2008) found for Broder's (2002) three intents: question words and
reviews for informational, a company's name for navigational, words of trade for transactional queries.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from feature_repo.text import tokenise

INFORMATIONAL: Final = frozenset(
    tokenise(
        "how what why when which who guide review reviews compare comparison vs versus ideas tips meaning tutorial difference explained "
        "wie was warum vergleich test comment pourquoi avis como por que opiniones come perché recensioni"
    )
)
TRANSACTIONAL: Final = frozenset(
    tokenise(
        "buy cheap price prices discount deal deals order online sale offer offers coupon delivery shop store near book hire rent kaufen "
        "günstig preis bestellen acheter prix pas cher comprar barato precio comprare prezzo economico"
    )
)


def intent(tokens: Collection[str], brand: bool, others: int) -> str:
    """The plain intent of a query, or "". brand: it names one; others: how many words it has beside names."""
    if INFORMATIONAL & set(tokens):
        return "informational"
    if TRANSACTIONAL & set(tokens):
        return "transactional"
    return "navigational" if brand and others == 0 else ""
