"""Words, names, numbers and sentences: the texts of the rendered documents."""
import functools
import zlib

SHOPS_A = "Golden North Blue River Old Green Happy City Family Lucky Royal Little Grand Silver Maple Union Hill Harbour Park Star".split()
SHOPS_B = "Bakery Market Cafe Books Store Deli Kitchen Pharmacy Hardware Grill Foods Coffee Shop Flowers Toys Cycles Mart Bistro".split()
GOODS = ("Bread Milk Butter Apples Bananas Cheese Eggs Honey Sugar Salt Pepper Rice Pasta Beans Onions Tomatoes Potatoes Lemons Water "
         "Juice Yogurt Cream Ham Chicken Salmon Tuna Cookies Cake Candles Soap Shampoo Batteries Pens Notebook Scissors Tape Bulb Socks "
         "Gloves Umbrella Magazine Newspaper Stamps Envelope Tea Cocoa Cereal Flour Oats Nuts Raisins Dates Figs Plums Grapes").split()
GOODS_A = "Fresh Dark White Red Large Small Dry Sweet Hot Cold Organic Mixed Baked Light Wild Extra".split()
CITIES = "London Paris Madrid Oslo Vienna Prague Dublin Athens Lisbon Warsaw Berlin Rome Kyoto Delhi Cairo Lima Quito Boston Denver Austin".split()
MONTHS = "January February March April May June July August September October November December".split()
SIGN = ("STOP EXIT OPEN CLOSED PUSH PULL CAUTION DANGER WARNING PRIVATE PARKING STATION LIBRARY MUSEUM HOSPITAL SCHOOL AIRPORT HOTEL "
        "TOILETS TICKETS PLATFORM GATE FIRE ONE WAY SLOW KEEP LEFT RIGHT NO SMOKING WET FLOOR BEACH TAXI BUS INFORMATION").split()
UI = ("Save Cancel Delete OK Yes No Retry Close Open Next Back Done Skip Update Later Install Accept Decline Continue Stop Send Share "
      "Edit Copy Print Restart Ignore Connect Discard").split()
HEADERS = "Name City Price Amount Sales Count Year Region Score Item Month Team Units Value Total Rate".split()


@functools.cache
def _lists():
    with open("/usr/share/dict/words", encoding="utf8") as f:
        words = [w.strip() for w in f]
    words = [w for w in words if w.isascii() and w.isalpha() and 2 <= len(w) <= 11]
    held = [w for w in words if zlib.crc32(w.lower().encode()) % 20 == 0]
    return [w for w in words if zlib.crc32(w.lower().encode()) % 20], held


COMMON = ("the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but not what all "
          "were we when your can said there use an each which she do how their if will up other about out many then them these so some her "
          "would make like him into time has look two more write go see number no way could people my than first water been call who oil "
          "now find long down day did get come made may part").split()


def word(r, held=False):
    if r.random() < 0.35:
        return r.choice(COMMON)
    w = r.choice(_lists()[1 if held else 0])
    p = r.random()
    return w.upper() if p < 0.05 else w.capitalize() if p < 0.15 else w


def price(r):
    p = r.random()
    top = 10 if p < 0.35 else 100 if p < 0.9 else 1000
    return "%.2f" % (r.randrange(top * 100) / 100 + (0.01 if top == 10 else top / 100))


def number(r):
    p = r.random()
    if p < 0.4:
        return str(r.randrange(10 ** r.randint(1, 5)))
    if p < 0.6:
        return price(r)
    if p < 0.7:
        return "%d%%" % r.randint(1, 100)
    if p < 0.8:
        return "%s%s" % (r.choice(["$", "€", "£"]), price(r))
    if p < 0.9:
        return "%02d:%02d" % (r.randrange(24), r.randrange(60))
    return "%d,%03d" % (r.randint(1, 99), r.randrange(1000))


def clock(r):
    return "%s:%02d" % (r.choice(["%d", "%02d"]) % r.randrange(24), r.randrange(60))


def sign(r):
    text = " ".join(r.choice(SIGN) for _ in range(r.randint(1, 2)))
    return text if r.random() < 0.6 else text.title()


def goods(r):
    return r.choice(GOODS) if r.random() < 0.5 else r.choice(GOODS_A) + " " + r.choice(GOODS).lower()


def date(r):
    d, m, y = r.randint(1, 28), r.randint(1, 12), r.randint(2000, 2030)
    return r.choice(["%02d/%02d/%d" % (d, m, y), "%d-%02d-%02d" % (y, m, d), "%02d.%02d.%d" % (d, m, y), "%d %s %d" % (d, MONTHS[m - 1][:3], y)])


def code(r):
    p = r.random()
    if p < 0.3:
        return "www.%s%s.%s" % (word(r).lower(), r.choice(["", str(r.randrange(100))]), r.choice(["com", "org", "net"]))
    if p < 0.45:
        return "%s@%s.com" % (word(r).lower(), word(r).lower())
    if p < 0.6:
        return "+%d %d %d" % (r.randint(1, 99), r.randrange(100, 999), r.randrange(10000, 9999999))
    if p < 0.8:
        return "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(r.randint(4, 9)))
    return "".join(chr(r.randrange(33, 127)) for _ in range(r.randint(3, 10)))


def token(r, held=False):
    p = r.random()
    return word(r, held) if p < 0.86 else number(r) if p < 0.95 else code(r)


def sentence(r, n, held=False):
    ws = [token(r, held) for _ in range(n)]
    ws[0] = ws[0][:1].upper() + ws[0][1:]
    if n > 4 and r.random() < 0.3:
        ws[r.randrange(1, n - 1)] += ","
    return " ".join(ws) + r.choice([".", ".", ".", "", "!", "?"])


def phrase(r, limit, held=False):
    """At least one word; at most about `limit` characters."""
    p = r.random()
    if p < 0.08:
        return code(r)[:limit]
    text = sentence(r, r.randint(1, 14), held)
    if p < 0.2:
        text = text.upper()
    if len(text) > limit:
        cut = text.rfind(" ", 0, limit + 1)
        text = text[:cut if cut > 0 else limit]
    return text.strip()


def prose(r, chars, held=False):
    out = ""
    while len(out) < chars:
        out += (" " if out else "") + sentence(r, r.randint(3, 12), held)
    return out


def held_words():
    return _lists()[1]
