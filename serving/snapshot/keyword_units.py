"""What of a text each match type compares: exact keywords what it says, phrase keywords its words in a row, broad ones its words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from feature_repo.folding import is_compound
from feature_repo.inflection import FUNCTION_WORDS, base
from feature_repo.text import is_unspaced, stem

MOST_WORDS: Final = 10
"""Most words of a keyword, in scripts with spaces. A longer keyword matches nothing, as on the large platforms."""
MOST_TOKENS: Final = 64
"""Most letters of a keyword, in scripts without."""
_ALIKE: Final = re.compile(r"[\d.]+|[^\d.]+")
_LITTLE: Final = FUNCTION_WORDS - {"a"}
"""Words that are no part of a compound; `a` is one in `usb a`."""
Runs = Sequence[Sequence[str]]


def read_of(tokens: Sequence[str], words: int) -> tuple[str, ...]:
    """The first `words` tokens; where a script without spaces is among them, as many letters as a keyword may have."""
    return tuple(tokens[: max(words, MOST_TOKENS) if any(map(is_unspaced, tokens[:words])) else words])


def exact_units(tokens: Sequence[str]) -> list[str]:
    """What an exact keyword and the query have alike, in any order: words without inflection and function words. The letters of scripts
    without spaces are one unit, in order.

    >>> exact_units(["shoes", "for", "men"]), exact_units(["men", "shoe"])
    (['shoe', 'man'], ['man', 'shoe'])
    """
    spaced = [token for token in tokens if not is_unspaced(token)]
    said = [token for token in spaced if token not in FUNCTION_WORDS]
    letters = "".join(token for token in tokens if is_unspaced(token))
    return [*map(base, said or ([] if letters else spaced)), *([letters] if letters else [])]


def broad_units(runs: Runs) -> list[str]:
    """What a query has to say for a broad keyword, in any order: stems, without function words; of scripts without spaces each two
    neighbouring letters, of those written together. runs: of text.token_runs.

    >>> broad_units([["hotels"], ["in"], ["東", "京", "駅"]]), broad_units([["the"]])
    (['hotel', '東京', '京駅'], ['the'])
    """
    said = [run for run in runs if not (len(run) == 1 and run[0] in FUNCTION_WORDS)]
    return [stem(unit) for run in said or runs for unit in _pairs(run)]


def very_units(runs: Runs) -> list[str]:
    """`broad_units` of a negative: its very words."""
    return [unit for run in runs for unit in _pairs(run)]


def bought_spellings(runs: Runs) -> list[Runs]:
    """How a keyword that was bought is written: as it was, and with two of its words as one where a hyphen between them makes them one
    (`t shirt` and `t-shirt`). runs: of text.token_runs.

    >>> bought_spellings([["red"], ["t"], ["shirt"]])
    [[['red'], ['t'], ['shirt']], [['redt'], ['shirt']], [['red'], ['tshirt']]]
    """
    said = [run[0] if len(run) == 1 and not is_unspaced(run[0]) and run[0] not in _LITTLE else "" for run in runs]
    joined = [i for i, (a, b) in enumerate(pairwise(said)) if a and b and is_compound(a, b)]
    return [runs, *([*runs[:i], [said[i] + said[i + 1]], *runs[i + 2 :]] for i in joined)]


def never_spellings(runs: Runs) -> list[Runs]:
    """How a negative is written: as it was, with each two of its words as one, and all of them as one.

    >>> never_spellings([["second"], ["hand"]])
    [[['second'], ['hand']], [['secondhand']]]
    """
    if not 1 < len(runs) <= MOST_WORDS or any(len(run) > 1 or is_unspaced(run[0]) for run in runs):
        return [runs]
    words = [run[0] for run in runs]
    pairs = ([*words[:i], a + b, *words[i + 2 :]] for i, (a, b) in enumerate(pairwise(words)))
    return [runs, *([[word] for word in spelling] for spelling in (*pairs, *([["".join(words)]] if len(words) > 2 else [])))]


def number_cuts(word: str) -> list[tuple[str, ...]]:
    """A word of letters and digits cut where they meet: at one place, then at all.

    >>> number_cuts("iphone15pro"), number_cuts("shoes")
    ([('iphone', '15pro'), ('iphone15', 'pro'), ('iphone', '15', 'pro')], [])
    """
    parts = _ALIKE.findall(word)
    cuts = [("".join(parts[:i]), "".join(parts[i:])) for i in range(1, len(parts))]
    return [*cuts, tuple(parts)] if len(parts) > 2 else [*cuts]


def said_units(tokens: Sequence[str]) -> list[str]:
    """What a query says: its tokens, and each two neighbouring letters of scripts without spaces, wherever it has spaces.

    >>> said_units(["東", "京", "hotel"])
    ['東', '京', 'hotel', '東京']
    """
    return [*tokens, *(a + b for a, b in pairwise(tokens) if is_unspaced(a) and is_unspaced(b))]


def _pairs(run: Sequence[str]) -> list[str]:
    return [a + b for a, b in pairwise(run)] if len(run) > 1 else list(run)
