"""The market's vocabulary: what ads, pages, items and queries of each topic talk about."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "attractions": ("museum", "zoo", "castle", "aquarium", "theme park", "tour", "gallery", "monument"),
    "automotive": ("car", "tyres", "electric suv", "dealer", "motor oil", "hatchback", "charging", "lease"),
    "books": ("novel", "audiobook", "bookshop", "thriller", "paperback", "poetry", "reader", "biography"),
    "business": ("invoice", "payroll", "office", "startup", "crm", "consulting", "printing", "logistics"),
    "careers": ("job", "resume", "interview", "hiring", "internship", "recruiter", "salary", "remote work"),
    "crime": ("detective", "case files", "true crime", "court", "mystery", "forensics", "justice", "police"),
    "education": ("course", "degree", "tutor", "language class", "exam", "coding school", "certificate", "study"),
    "events": ("festival", "concert tickets", "conference", "fair", "expo", "show", "season pass", "venue"),
    "family": ("stroller", "baby", "toys", "parenting", "nursery", "playground", "school bag", "diapers"),
    "fine-art": ("painting", "sculpture", "canvas", "photography", "ceramics", "print", "exhibition", "sketch"),
    "food": ("pizza", "recipe", "coffee beans", "vegan meals", "grocery delivery", "bakery", "olive oil", "tea"),
    "health": ("fitness plan", "vitamins", "sleep", "yoga", "meditation", "protein", "running watch", "wellness"),
    "hobbies": ("knitting", "model trains", "fishing rod", "gardening", "board games", "camera", "birding", "puzzle"),
    "home": ("sofa", "lamp", "kitchen", "mattress", "paint", "curtains", "vacuum", "bookshelf"),
    "medical": ("clinic", "dentist", "allergy", "hearing aid", "glasses", "pharmacy", "physiotherapy", "checkup"),
    "movies": ("film", "cinema", "streaming", "trailer", "director", "comedy", "blockbuster", "classic movies"),
    "music": ("guitar", "vinyl", "headphones", "playlist", "piano", "band", "album", "speaker"),
    "news": ("newspaper", "headline", "daily briefing", "podcast", "weather", "analysis", "magazine", "world"),
    "personal-finance": ("credit card", "savings", "mortgage", "insurance", "budget app", "pension", "loan", "fund"),
    "pets": ("dog food", "cat tree", "leash", "aquarium fish", "vet", "pet insurance", "bird cage", "puppy"),
    "pop-culture": ("celebrity", "fan shop", "comic", "cosplay", "trivia", "red carpet", "meme", "collectible"),
    "real-estate": ("apartment", "house", "rent", "broker", "studio flat", "new build", "moving", "garden flat"),
    "religion": ("choir", "pilgrimage", "scripture", "charity", "retreat", "candles", "prayer", "community"),
    "science": ("telescope", "chemistry set", "space", "microscope", "climate", "fossil", "robot kit", "physics"),
    "shopping": ("discount", "outlet", "gift card", "coupons", "sale", "marketplace", "free delivery", "bundle"),
    "sports": ("running shoes", "football", "tennis racket", "bike", "ski pass", "jersey", "gym", "hiking boots"),
    "style": ("sneakers", "dress", "perfume", "handbag", "jacket", "jewellery", "haircut", "sunglasses"),
    "technology": ("laptop", "smartphone", "router", "cloud storage", "tablet", "smart home", "monitor", "keyboard"),
    "television": ("series", "season finale", "sitcom", "remote", "documentary", "reality show", "pilot", "channel"),
    "travel": ("flight", "hotel", "beach holiday", "city break", "luggage", "train pass", "cruise", "hostel"),
    "video-gaming": ("console", "controller", "role playing game", "esports", "gaming chair", "arcade", "racing game", "quest"),
}
OPENINGS: Final = ("Discover", "Save on", "New:", "Meet your", "Everything for", "Fresh", "Trusted", "Better")
CLOSINGS: Final = (
    "made simple",
    "you will love",
    "for every day",
    "at fair prices",
    "near you",
    "since day one",
    "in two clicks",
)
PITCHES: Final = (
    "Find {} and {} in one place.",
    "Our guide compares {} with {}.",
    "Every {} comes with a {} on request.",
    "People who look for {} also like {}.",
    "From {} to {}, delivered to your door.",
    "Ask us about {} or {} at any hour.",
    "This week {} and {} cost less.",
)
CALLS: Final = (
    "Shop now", "Learn more", "Sign up", "Book today", "Get offer", "Try it free", "Download", "Contact us", "Compare", "Read the guide",
)  # fmt: skip
"""Some of them are taxonomy.INFORMATIVE_CALLS."""
BRAND_STEMS: Final = (
    "vel", "norv", "tamb", "bri", "zeph", "kald", "lum", "ferr", "marl", "solv", "dand", "pio", "quar", "rind", "tev", "ulm",
)  # fmt: skip
BRAND_ENDS: Final = (
    "ora", "ixo", "ano", "edo", "ira", "usk", "etta", "ion", "ami", "olt", "exa", "ulo", "enta", "arro", "ico", "yra",
)  # fmt: skip
BOUGHT_FORMS: Final = ("{}", "buy {}", "cheap {}", "{} online", "best {}")
"""Of keywords."""
REFUSED_WORDS: Final = ("used", "free", "review")
"""What some campaigns do not want to be found with."""
LEISURE: Final = frozenset(
    {"attractions", "events", "food", "hobbies", "movies", "music", "sports", "television", "travel", "video-gaming"}
)
REGIONS: Final = ("north", "south", "east", "west", "coast", "lake", "hills", "capital", "islands", "border")
LANGUAGES: Final = ("en", "de", "fr", "es", "it")
OPERATING_SYSTEMS: Final = {
    "mobile": ("android", "ios"), "desktop": ("windows", "macos"), "tablet": ("ios", "android"), "tv": ("tvos", "tizen"),
}  # fmt: skip
