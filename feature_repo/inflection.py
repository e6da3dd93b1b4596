"""Words without their inflection: what exact keywords compare, for which a stemmer takes too much away (`business` and `busy`)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_AS_THEY_ARE: Final = frozenset({"news", "series", "species", "lens", "gas", "bus", "plus", "canvas", "atlas", "yes", "this", "its", "his"})
"""Words whose last letters are no ending."""
IRREGULAR: Final = {
    "men": "man", "women": "woman", "mens": "man", "womens": "woman", "children": "child", "childrens": "child", "feet": "foot",
    "teeth": "tooth", "geese": "goose", "mice": "mouse", "knives": "knife", "wives": "wife", "lives": "life", "shelves": "shelf",
    "leaves": "leaf", "loaves": "loaf", "scarves": "scarf", "halves": "half", "calves": "calf", "wolves": "wolf", "hooves": "hoof",
    "thieves": "thief", "potatoes": "potato", "tomatoes": "tomato", "heroes": "hero", "mangoes": "mango", "volcanoes": "volcano",
    "tornadoes": "tornado", "mosquitoes": "mosquito", "torpedoes": "torpedo", "echoes": "echo", "buses": "bus", "gases": "gas",
    "lenses": "lens", "viruses": "virus", "bonuses": "bonus", "irises": "iris", "atlases": "atlas", "canvases": "canvas",
    "cactuses": "cactus", "axes": "axe", "quizzes": "quiz", "taxis": "taxi", "skis": "ski", "bikinis": "bikini", "kiwis": "kiwi",
    "emojis": "emoji", "martinis": "martini", "tvs": "tv", "cds": "cd",
}  # fmt: skip
"""Plurals that no rule makes. `mens` and `womens` are `men's` and `women's`, folded."""
_VOWEL: Final = re.compile("[aeiouy]")
_DOUBLED: Final = re.compile(r"([bdfgmnprt])\1$")
_CUT_E: Final = re.compile("(?:at|bl|iz|v|c|[aiou]g|[^aeiou]l|[^aeiou]s|us|[aeiou]s)$")
FUNCTION_WORDS: Final = frozenset({
    "a", "an", "the", "of", "for", "in", "on", "at", "by", "and", "or", "but", "is", "und", "oder", "zum", "zur", "vom", "para",
    "del", "della", "dei",
})  # fmt: skip
"""Articles, conjunctions and prepositions that exact and broad keywords may have more or fewer of. None that turns the meaning (to, from,
without), and of other languages none that is another word in English (die, fur, pour)."""


@lru_cache(maxsize=262_144)
def base(word: str) -> str:
    """A normalised word without plural, -ing and -ed, after steps 1a and 1b of Porter (1980). Takes any string.

    >>> [base(w) for w in ("shoes", "running", "runs", "business", "busy", "animals", "animation", "batteries", "news")]
    ['shoe', 'run', 'run', 'business', 'busy', 'animal', 'animation', 'battery', 'news']
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if not word.isascii() or len(word) <= 3 or word in _AS_THEY_ARE:
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 2 and _VOWEL.search(root) and not root.endswith("e"):
            return _whole(root)
    return word


def _singular(word: str) -> str:
    if word.endswith(("ies", "ie")) and len(word.removesuffix("s")) > 3:  # of cookies nobody can tell whether one is a cookie or a cooky
        return word.removesuffix("s")[:-2] + "y"
    if word.endswith(("che", "she")) and len(word) > 4:  # of headaches, too
        return word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _whole(root: str) -> str:
    """A root as the word it comes from: `runn` is run, `bak` is bake."""
    if _DOUBLED.search(root):
        return root[:-1]
    short = len(root) <= 4 and re.fullmatch("[^aeiou]*[aeiou][^aeiouwxy]", root)
    return root + "e" if short or _CUT_E.search(root) else root
