"""The symbols that the auxiliary heads name: printable characters, shape kinds, colours, and NONE."""
KINDS = ["circle", "square", "triangle", "star"]
COLOURS = {
    "red": (214, 40, 40), "blue": (36, 76, 214), "green": (36, 150, 60), "yellow": (244, 210, 24),
    "orange": (250, 132, 20), "purple": (132, 50, 168), "black": (16, 16, 18), "white": (248, 248, 248),
    "pink": (240, 120, 180), "brown": (126, 78, 40),
}
SYMBOLS = ["NONE"] + [chr(c) for c in range(32, 127)] + ["€", "£"] + KINDS + list(COLOURS)
INDEX = {s: i for i, s in enumerate(SYMBOLS)}
NONE = 0
COUNT = len(SYMBOLS)
