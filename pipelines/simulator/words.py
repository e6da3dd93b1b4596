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
OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "museum": ("exhibition hall",), "zoo": ("animal park", "wildlife park"), "castle": ("fortress",), "aquarium": ("sea life centre",),
    "theme park": ("amusement park", "fun park"), "tour": ("guided walk", "sightseeing"), "gallery": ("art house",),
    "car": ("auto", "vehicle"), "tyres": ("wheels", "winter tyres"), "electric suv": ("e-suv", "electric offroader"),
    "dealer": ("car dealer",), "motor oil": ("engine oil",), "charging": ("wallbox", "charge point"),
    "lease": ("car leasing", "long term rental"), "novel": ("fiction", "bestseller"), "audiobook": ("spoken book", "listening book"),
    "bookshop": ("bookstore",), "thriller": ("suspense story", "crime novel"), "paperback": ("softcover",),
    "reader": ("e-reader", "ebook reader"), "biography": ("memoir", "life story"), "invoice": ("billing software", "bill"),
    "payroll": ("wage software",), "office": ("workspace", "coworking"), "startup": ("new company", "founders"),
    "crm": ("customer software",), "consulting": ("advisors", "consultancy"), "printing": ("print shop", "flyers"),
    "logistics": ("freight", "shipping"), "job": ("vacancy", "position"), "resume": ("cv",), "interview": ("job talk",),
    "hiring": ("staffing", "recruiting"), "internship": ("trainee post", "placement"), "salary": ("pay", "wage"),
    "remote work": ("home office", "telework"), "detective": ("sleuth", "private eye"), "case files": ("cold cases",),
    "true crime": ("real cases",), "court": ("trial",), "mystery": ("whodunit",), "police": ("constable",),
    "course": ("class", "training"), "degree": ("bachelor", "diploma"), "tutor": ("private lessons", "coach"),
    "language class": ("language lessons",), "exam": ("test prep",), "coding school": ("bootcamp", "programming class"),
    "certificate": ("qualification",), "festival": ("open air",), "concert tickets": ("gig tickets", "live music"),
    "conference": ("congress", "summit"), "fair": ("market day",), "expo": ("trade show",), "season pass": ("annual ticket",),
    "venue": ("event hall",), "stroller": ("pram", "buggy"), "baby": ("infant", "newborn"), "toys": ("playthings", "building blocks"),
    "parenting": ("raising children",), "playground": ("swing set",), "school bag": ("satchel", "schoolbag"), "diapers": ("nappies",),
    "painting": ("oil picture", "artwork"), "sculpture": ("statue",), "photography": ("photo prints",), "ceramics": ("pottery",),
    "exhibition": ("art show",), "sketch": ("drawing",), "pizza": ("stone oven pie",), "recipe": ("cooking idea", "dish"),
    "coffee beans": ("espresso beans", "arabica"), "vegan meals": ("plant based meals",),
    "grocery delivery": ("food delivery", "supermarket box"), "bakery": ("bread",), "olive oil": ("cold pressed oil",),
    "tea": ("infusion", "loose leaf"), "fitness plan": ("workout plan", "training plan"), "vitamins": ("supplements",),
    "sleep": ("sleeping aid", "rest"), "meditation": ("mindfulness",), "protein": ("whey", "shake"),
    "running watch": ("sports watch", "fitness tracker"), "knitting": ("yarn", "crochet"), "model trains": ("model railway",),
    "fishing rod": ("angling gear", "tackle"), "gardening": ("garden tools", "seeds"), "board games": ("tabletop games",),
    "camera": ("photo camera", "mirrorless"), "puzzle": ("jigsaw",), "sofa": ("couch", "settee"), "lamp": ("light", "floor light"),
    "kitchen": ("fitted kitchen",), "mattress": ("bed", "topper"), "paint": ("wall colour",), "curtains": ("drapes", "blinds"),
    "vacuum": ("hoover", "cleaning robot"), "bookshelf": ("bookcase", "shelf"), "clinic": ("doctor", "medical centre"),
    "dentist": ("dental practice", "teeth"), "allergy": ("hay fever",), "glasses": ("spectacles", "eyewear"),
    "pharmacy": ("chemist", "drugstore"), "physiotherapy": ("physio",), "checkup": ("health check",), "film": ("movie", "feature"),
    "cinema": ("movie theatre", "pictures"), "streaming": ("video on demand",), "comedy": ("funny films",),
    "guitar": ("acoustic", "strings"), "vinyl": ("records", "lp"), "headphones": ("earbuds", "headset"), "piano": ("keyboard", "grand"),
    "band": ("live group",), "album": ("new record",), "speaker": ("loudspeaker", "soundbar"), "newspaper": ("daily paper",),
    "podcast": ("audio show",), "weather": ("forecast",), "magazine": ("weekly", "journal"), "credit card": ("visa card",),
    "savings": ("savings account", "deposit"), "mortgage": ("home loan",), "insurance": ("cover", "policy"),
    "pension": ("retirement plan",), "loan": ("credit", "instalments"), "fund": ("etf", "investment"), "dog food": ("kibble", "pet food"),
    "cat tree": ("scratching post",), "leash": ("dog lead", "harness"), "vet": ("animal doctor",), "puppy": ("young dog",),
    "celebrity": ("star", "famous people"), "fan shop": ("merchandise", "fan gear"), "comic": ("graphic novel", "manga"),
    "cosplay": ("costume",), "collectible": ("figure", "limited edition"), "apartment": ("flat", "condo"), "house": ("home", "villa"),
    "rent": ("lettings", "rental"), "broker": ("estate agent", "realtor"), "moving": ("removals", "relocation"),
    "choir": ("singing group",), "charity": ("donation", "giving"), "candles": ("altar lights",), "telescope": ("stargazing scope",),
    "chemistry set": ("experiment kit",), "space": ("astronomy", "planets"), "microscope": ("lens kit",), "robot kit": ("robotics set",),
    "discount": ("markdown", "rebate"), "outlet": ("factory store",), "gift card": ("voucher",), "coupons": ("promo codes",),
    "bundle": ("set", "value pack"), "running shoes": ("joggers", "trainers"), "football": ("soccer",), "bike": ("bicycle", "cycle"),
    "ski pass": ("lift ticket",), "jersey": ("team shirt", "kit"), "gym": ("fitness studio", "workout"),
    "hiking boots": ("walking boots", "trekking shoes"), "sneakers": ("trainers", "kicks"), "dress": ("gown", "skirt"),
    "perfume": ("fragrance", "scent"), "handbag": ("purse", "tote"), "jacket": ("coat", "parka"), "jewellery": ("rings", "necklace"),
    "haircut": ("hairdresser", "salon"), "sunglasses": ("shades",), "laptop": ("notebook", "ultrabook"),
    "smartphone": ("mobile phone", "handset"), "router": ("wifi box", "mesh"), "cloud storage": ("online backup",), "tablet": ("slate",),
    "monitor": ("screen", "display"), "series": ("tv show", "box set"), "documentary": ("factual film",),
    "flight": ("plane ticket", "airfare"), "hotel": ("accommodation", "resort"), "beach holiday": ("seaside break", "sun holiday"),
    "city break": ("weekend trip",), "luggage": ("suitcase", "trolley"), "train pass": ("rail ticket",), "cruise": ("boat trip",),
    "hostel": ("guest house",), "console": ("games machine",), "controller": ("gamepad", "joystick"), "role playing game": ("rpg",),
    "gaming chair": ("gamer seat",), "racing game": ("driving game",),
}  # fmt: skip
"""What else a product is called. An advertiser settles on one name, a person on another, and some names stand for things of two topics."""
CHATTER: Final = (
    "today", "quality", "service", "team", "offer", "price", "family", "home", "new", "world", "time", "best", "local", "online", "card",
    "plan", "season", "guide", "house", "set", "light", "class", "show", "record", "cover", "story", "order", "free", "customers", "range",
)  # fmt: skip
"""Words that texts of every topic use, names of other topics' products among them."""
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
CALLS: Final[dict[str, float]] = {
    "Shop now": -1.0, "Learn more": 0.8, "Sign up": -0.4, "Book today": -0.8, "Get offer": -0.7, "Try it free": -0.1, "Download": 0.1,
    "Contact us": 0.2, "Compare": 0.6, "Read the guide": 1.0, "See how it works": 0.9, "Order today": -0.9, "Ask an expert": 0.7,
    "View prices": 0.0,
}  # fmt: skip
"""Calls to action, and how much each informs: 1 for one that only informs, -1 for one that only sells."""
ITEM_TITLES: Final = ("On {0}", "{0} and {1}: what we found", "Ten things about {0}", "Why {1} changed {0}", "{0}, {1} and {2}")
"""Of pages that ads stand beside: the product, and words beside it."""
VAGUE: Final = (
    "Welcome to our page.", "We are glad that you are here.", "More is coming soon.", "Please enable cookies to go on.",
    "Subscribe to our newsletter for updates.", "Some pictures could not be loaded.",
)  # fmt: skip
"""What poor pages fill their space with."""
FACTS: Final = (
    "The {} is in stock and is sent within two days.", "Return any {} within 30 days, at no cost.", "Our {} has 4 sizes and 7 colours.",
    "Rated 4.6 of 5 by people who bought this {}.", "Prices of the {} include tax and delivery.",
    "Compare each {} by weight, size and price.",
)  # fmt: skip
"""What good pages tell of the product that was promised."""
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
