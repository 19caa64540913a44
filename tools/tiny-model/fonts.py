"""Faces to train on, and their advance tables. Evaluation uses other families, which must never appear here."""
import functools
import glob
import os
from PIL import ImageFont

BASE = "/usr/share/fonts"
TRAIN = ["dejavu", "liberation", "freefont", "lato", "open-sans", "roboto", "croscore", "crosextra", "charis", "gentiumplus",
         "firacode", "hack", "quicksand", "tex-gyre", "noto", "urw-base35"]
SKIP = ["Hairline", "Thin", "ExtraLight", "Math", "Symbol", "D050000L", "Z003", "Chorus", "Dingbats", "-Light", "Black", "Heavy"]
PLAIN = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "LiberationSans-Regular.ttf",
         "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf", "LiberationMono-Regular.ttf", "OpenSans-Regular.ttf",
         "Roboto-Regular.ttf", "NotoSans-Regular.ttf", "Lato-Regular.ttf", "FreeSans.ttf", "Carlito-Regular.ttf"]


def _noto(name):
    return name.split("-")[0] in ("NotoSans", "NotoSerif", "NotoSansMono", "NotoSansDisplay", "NotoSerifDisplay")


@functools.cache
def train_faces():
    """Every allowed face: a list of file paths, sorted so that a seed means the same face everywhere."""
    out = []
    for path in sorted(glob.glob(BASE + "/**/*.[ot]tf", recursive=True)):
        parts, name = path.split("/"), os.path.basename(path)
        if any(s in name for s in SKIP) or not any(t in parts for t in TRAIN):
            continue
        if "noto" in parts and not _noto(name):
            continue
        out.append(path)
    return out


@functools.cache
def plain_faces():
    return [p for p in train_faces() if os.path.basename(p) in PLAIN]


@functools.cache
def validation_faces():
    """Families outside the training list (Debian: fonts-cantarell, -cabin, -vollkorn, -ebgaramond, -comic-neue)."""
    keys = ["cantarell", "cabin", "vollkorn", "ebgaramond", "comic-neue"]
    names = ["Cantarell-Regular", "Cantarell-Bold", "Cabin-Regular", "Cabin-Bold", "Vollkorn-Regular", "Vollkorn-Bold",
             "EBGaramond12-Regular", "ComicNeue-Regular", "ComicNeue-Bold", "EBGaramond-Regular", "Cantarell-VF"]
    paths = sorted(glob.glob(BASE + "/**/*.[ot]tf", recursive=True))
    return [p for p in paths if any(k in p.lower() for k in keys) and os.path.basename(p).rsplit(".", 1)[0] in names]


@functools.lru_cache(maxsize=3000)
def font(path, size):
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=600)
def advances(path):
    """Advance of each printable character at one unit of size."""
    f = font(path, 100)
    return {c: f.getlength(c) / 100 for c in [chr(i) for i in range(32, 127)] + ["€", "£"]}


def width(path, size, text):
    a = advances(path)
    return size * sum(a.get(c, 0.6) for c in text)
