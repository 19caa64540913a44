"""Synthetic documents: layout first (where every character stands), pixels only when asked for.

A document is a plain dict: size, background, shapes to draw, text runs, question-answer pairs, and which shape a question
is about. Because the layout is known,
every label (characters of a patch, characters of a cell, attention targets) comes for free."""
import random
import fonts
import words
from alphabet import COLOURS, KINDS


def colours(r, plain):
    """Background and ink with enough contrast."""
    if plain or r.random() < 0.5:
        v = r.randint(225, 255)
        k = r.randint(0, 50)
        return (v, v, min(255, v + r.randint(-10, 10))), (k, k, k)
    while True:
        a, b = (tuple(r.randrange(256) for _ in range(3)) for _ in "ab")
        lum = lambda c: 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]
        if abs(lum(a) - lum(b)) > 85:
            return a, b


def new(w, h, bg, kind):
    return {"w": int(w), "h": int(h), "bg": bg, "draw": [], "runs": [], "shapes": [], "about": {}, "qa": [], "kind": kind}


def put(d, text, x, cy, face, size, ink, align="l"):
    """One line of text, vertically centred at cy; returns its width."""
    w = fonts.width(face, size, text)
    x = x - w if align == "r" else x - w / 2 if align == "c" else x
    d["runs"].append((text, x, cy, face, size, ink))
    return w


def wrap(text, face, size, width):
    lines, line = [], ""
    for w in text.split(" "):
        t = line + " " + w if line else w
        if line and fonts.width(face, size, t) > width:
            lines.append(line)
            line = w
        else:
            line = t
    return lines + [line]


def ask_lines(d, r, lines, full=1.0):
    qa = [("Read the text.", "\n".join(lines))] if r.random() < full else []
    if len(lines) > 1:
        k = r.randrange(len(lines))
        qa.append(("Read line %d." % (k + 1), lines[k]))
        qa.append(r.choice([("Read the first line.", lines[0]), ("Read the last line.", lines[-1])]))
    d["qa"] += qa


def face_of(r, o):
    return r.choice(o["faces"])


def line(r, o, wide=False):
    face, size = face_of(r, o), r.randint(14, 54)
    text = words.phrase(r, r.randint(8, 60), o["held"])
    if wide:
        text = words.prose(r, r.randint(28, 56), o["held"])[:r.randint(28, 58)].strip()
    bg, ink = colours(r, o["plain"])
    w = fonts.width(face, size, text)
    if wide:
        W = w + size * r.uniform(0.3, 3)
        H = W / 9
    else:
        W, H = w + size * r.uniform(0.15, 0.9), size * r.uniform(1.2, 2.3)
    d = new(W, max(H, size * 1.15), bg, "wide" if wide else "line")
    put(d, text, r.uniform(0.1, 0.6) * (W - w) if not wide else (W - w) * r.uniform(0.1, 0.9), d["h"] / 2 + r.uniform(-.05, .05) * size, face, size, ink)
    d["qa"].append(("Read the text.", text))
    return d


def paragraph(r, o):
    face, size = face_of(r, o), r.randint(14, 30)
    n = r.randint(2, 8)
    width = size * r.uniform(9, 22)
    lines = wrap(words.prose(r, int(n * width / size * 1.7), o["held"]), face, size, width)[:n]
    bg, ink = colours(r, o["plain"])
    m, pitch = size * r.uniform(0.3, 1.2), size * r.uniform(1.15, 1.6)
    d = new(width + 2 * m, len(lines) * pitch + 2 * m, bg, "paragraph")
    for i, t in enumerate(lines):
        put(d, t, m, m + pitch * (i + 0.5), face, size, ink)
    ask_lines(d, r, lines)
    return d


def receipt(r, o):
    face, head = face_of(r, o), face_of(r, o)
    size = r.randint(15, 24)
    W = size * r.uniform(15, 22)
    bg, ink = colours(r, o["plain"] or r.random() < 0.85)
    m = size * r.uniform(0.6, 1.6)
    shop = r.choice(words.SHOPS_A) + " " + r.choice(words.SHOPS_B)
    day = words.date(r)
    pitch = size * r.uniform(1.25, 1.6)
    cur = r.choice(["", "", "", "$", "EUR ", "€", "£"])
    n = r.randint(2, 7)
    goods, total = {}, 0
    while len(goods) < n:
        g = words.goods(r)
        goods[g] = words.price(r)
    rows = []
    for g, p in goods.items():
        rows.append((("%d x " % r.randint(2, 4) if r.random() < 0.35 else "") + g, p))
        total += round(float(p) * 100)
    total = "%.2f" % (total / 100)
    d = new(W, 10, bg, "receipt")
    y = m + size * 0.6
    put(d, shop, W / 2, y, head, int(size * r.uniform(1.0, 1.4)), ink, "c")
    y += pitch * r.uniform(1.1, 1.4)
    put(d, day + r.choice(["", "  %02d:%02d" % (r.randrange(24), r.randrange(60))]), W / 2, y, face, size, ink, "c")
    y += pitch * 0.9
    d["draw"].append(("line", (m * .8, y, W - m * .8, y), ink, max(1, size // 12)))
    y += pitch * 0.9
    for g, p in rows:
        put(d, g, m, y, face, size, ink)
        put(d, p, W - m, y, face, size, ink, "r")
        y += pitch
    d["draw"].append(("line", (m * .8, y, W - m * .8, y), ink, max(1, size // 12)))
    y += pitch
    label = r.choice(["TOTAL", "Total", "Total", "TOTAL", "AMOUNT", "Amount due", "SUM", "Total due", "Sum"])
    big = int(size * r.uniform(1.0, 1.3))
    tf = r.choice([face, head])
    put(d, label, m, y, tf, big, ink)
    put(d, cur + total, W - m, y, r.choice([tf, face]), r.choice([size, big]), ink, "r")
    y += pitch * 1.15
    if r.random() < 0.35:
        cash = round((int(float(total)) // 10 + 1) * 10.0, 2)
        for a, b in (("Cash", cash), ("Change", cash - float(total))):
            put(d, a, m, y, face, size, ink)
            put(d, "%.2f" % b, W - m, y, face, size, ink, "r")
            y += pitch
    d["h"] = int(y + m * r.uniform(0.2, 1))
    d["qa"].append(("What is the total?", cur + total))
    for g in r.sample(sorted(goods), min(2, len(goods))):
        d["qa"].append(("How much is the %s?" % g, goods[g]))
    d["qa"].append(("What is the name of the shop?", shop))
    if r.random() < 0.5:
        d["qa"].append(("What is the date?", day))
    return d


def sign(r, o):
    face = face_of(r, o)
    p = r.random()
    if p < 0.5:
        text = words.sign(r)
    else:
        text = words.word(r, o["held"]).capitalize() + (" " + words.word(r, o["held"]).capitalize() if r.random() < 0.6 else "")
    if p > 0.85:
        text += " %d" % r.randrange(1, 200)
    size = r.randint(36, 90)
    bg, ink = colours(r, o["plain"])
    back, _ = colours(r, False)
    w = fonts.width(face, size, text)
    bw, bh = w + size * r.uniform(0.5, 1.5), size * r.uniform(1.4, 2.4)
    mx, my = bw * r.uniform(0.03, 0.25), bh * r.uniform(0.08, 0.5)
    d = new(bw + 2 * mx, bh + 2 * my, back, "sign")
    d["draw"].append(("box", (mx, my, mx + bw, my + bh), bg, ink, r.randint(0, 5), r.randint(0, 14)))
    put(d, text, d["w"] / 2, d["h"] / 2, face, size, ink, "c")
    d["qa"].append(("What does the sign say?", text))
    return d


def screen(r, o):
    face = face_of(r, o)
    W, H = r.randint(460, 680), r.randint(270, 400)
    dark = r.random() < 0.4 and not o["plain"]
    bg = (r.randint(10, 40),) * 3 if dark else (r.randint(200, 240),) * 3
    panel = tuple(min(255, c + r.randint(15, 30)) for c in bg)
    ink = (235, 238, 242) if dark else (20, 22, 26)
    d = new(W, H, bg, "screen")
    m = r.randint(20, 50)
    d["draw"].append(("box", (m, m, W - m, H - m), panel, panel, 0, 12))
    ts, ms, bs = r.randint(24, 34), r.randint(16, 22), r.randint(16, 22)
    title = " ".join([words.word(r, o["held"]).capitalize()] + [words.word(r, o["held"]).lower() for _ in range(r.randint(0, 2))])
    x = m + r.randint(18, 34)
    put(d, title, x, m + ts * 1.2, face, ts, ink)
    lines = wrap(words.sentence(r, r.randint(2, 8), o["held"]), face, ms, W - 2 * x)[:2]
    for i, t in enumerate(lines):
        put(d, t, x, m + ts * 2.4 + ms * (0.8 + i * 1.4), face, ms, ink)
    right, left = r.sample(words.UI, 2)
    left = left if r.random() < 0.85 else None
    bx, by = W - m - 20, H - m - bs * 1.6
    for text, accent in ((right, True), (left, False)):
        if text is None:
            continue
        w = fonts.width(face, bs, text)
        fill = (r.randint(10, 60), r.randint(90, 120), r.randint(200, 240)) if accent else panel
        d["draw"].append(("box", (bx - w - bs * 1.6, by - bs, bx, by + bs), fill, (40, 110, 230), 1, 8))
        put(d, text, bx - bs * 0.8, by, face, bs, (255, 255, 255) if accent else ink, "r")
        bx -= w + bs * 1.6 + 14
    d["qa"] += [("What is the title?", title), ("What does the message say?", " ".join(lines)), ("What does the right button say?", right)]
    return d


def table(r, o):
    face = face_of(r, o)
    size = r.randint(16, 26)
    bg, ink = colours(r, o["plain"])
    n, cols = r.randint(2, 7), r.choice([2, 2, 2, 3])
    keys = r.sample(words.CITIES + "North South East West Red Blue Green Alpha Beta Gamma Monday Tuesday Friday Total".split() + words.GOODS[:20], n)
    formats = [lambda: str(r.randrange(1000)), lambda: "%.2f" % r.uniform(0, 10 ** r.randint(1, 3)), lambda: "%d%%" % r.randrange(100), lambda: words.number(r), lambda: words.clock(r)]
    same = r.choice(formats) if r.random() < 0.5 else None
    fmt = lambda: (same or r.choice(formats))()
    heads = r.sample(words.HEADERS, cols)
    m, pitch = size * r.uniform(0.4, 1), size * r.uniform(1.4, 1.9)
    first = max(fonts.width(face, size, k) for k in keys + [heads[0]]) + size * r.uniform(1, 3)
    step = size * r.uniform(4.5, 9 if cols == 2 else 7)
    W = 2 * m + first + step * (cols - 1)
    d = new(W, 2 * m + pitch * (n + 1), bg, "table")
    if r.random() < 0.5:
        d["draw"].append(("box", (m * .5, m, W - m * .5, m + pitch), tuple((c + i) // 2 if o["plain"] is False else c for c, i in zip(bg, bg)), ink, 1, 0))
    values = {}
    for j, row in enumerate([heads] + [[k] + [fmt() for _ in range(cols - 1)] for k in keys]):
        y = m + pitch * (j + 0.5)
        for c, t in enumerate(row):
            if c == 0:
                put(d, t, m * 1.4, y, face, size, ink)
            else:
                put(d, t, W - m * 1.4 - step * (cols - 1 - c), y, face, size, ink, "r")
        if j and cols == 2:
            values[row[0]] = row[1]
        if r.random() < 0.7:
            d["draw"].append(("line", (m * .5, m + pitch * (j + 1), W - m * .5, m + pitch * (j + 1)), ink, 1))
    for k in r.sample(sorted(values), min(2, len(values))):
        d["qa"].append(("What is the value for %s?" % k, values[k]))
    d["qa"].append(("How many rows are below the header?", str(n)))
    if cols == 3:
        d["qa"].append(("Read the text.", "\n".join(" ".join(x) for x in [[t[0] for t in d["runs"][i * 3:i * 3 + 3]] for i in range(n + 1)])))
    return d


def tall(r, o):
    face, size = face_of(r, o), r.randint(20, 34)
    n = r.randint(6, 16)
    bg, ink = colours(r, o["plain"])
    W = r.randint(180, 260)
    H = W * 9
    lines = []
    while len(lines) < n:
        p, numbered = r.random(), r.random() < 0.7
        t = (words.word(r, o["held"]) if p < 0.3 else str(r.randrange(10, 10000)) if p < 0.5 else words.number(r) if p < 0.55
             else words.sign(r) if p < 0.7 else words.goods(r) if p < 0.9 else words.word(r, o["held"]).capitalize() + " " + words.word(r, o["held"]))
        if p >= 0.7 and numbered:
            t = "%d. %s" % (len(lines) + 1, t)
        if lines and r.random() < 0.06:
            t = r.choice(lines)
        if fonts.width(face, size, t) < W - 20:
            lines.append(t)
    d = new(W, H, bg, "tall")
    pitch = H / (n + r.uniform(0.2, 2))
    y = pitch * r.uniform(0.5, 0.8)
    x = r.uniform(6, 20)
    for t in lines:
        put(d, t, x, y, face, size, ink)
        y += pitch
    ask_lines(d, r, lines)
    return d


def page(r, o):
    face, head = face_of(r, o), face_of(r, o)
    size = r.randint(24, 32)
    W, H = r.randint(1300, 1700), r.randint(1000, 1300)
    bg, ink = colours(r, True)
    d = new(W, H, bg, "page")
    m = r.randint(60, 120)
    title = " ".join([words.word(r, o["held"]).capitalize()] + [words.word(r, o["held"]).lower() for _ in range(r.randint(1, 3))])
    ts = int(size * r.uniform(1.5, 2.2))
    put(d, title, m, m + ts / 2, head, ts, ink)
    y = m + ts * 1.8
    first = None
    for _ in range(r.randint(1, 4)):
        for t in wrap(words.prose(r, r.randint(60, 260), o["held"]), face, size, W - 2 * m):
            if y < H - 2.5 * m:
                put(d, t, m, y, face, size, ink)
                first = first or t
                y += size * 1.45
        y += size * 0.9
    n = str(r.randint(1, 99))
    put(d, n, W / 2, H - m * 0.8, face, size, ink, "c")
    d["qa"] += [("What is the title?", title), ("What is the page number?", n)]
    if r.random() < 0.3:
        d["qa"].append(("Read line 1 below the title.", first))
    return d


def shape(r, o):
    S = r.randint(240, 400)
    names = sorted(COLOURS)
    bgname = r.choice([None, "white", "black"])
    bg = COLOURS[bgname] if bgname and r.random() < 0.4 else tuple(r.choice([r.randint(100, 140), r.randint(190, 255)]) for _ in range(1)) * 3
    if r.random() < 0.3:
        bg = tuple(r.randint(180, 240) for _ in range(3))
    d = new(S, S, bg, "shape")
    got = []
    palette = [c for c in names if sum(abs(a - b) for a, b in zip(COLOURS[c], bg)) > 120]
    for _ in range(r.randint(1, 6)):
        for _try in range(30):
            rad = S * r.uniform(0.05, 0.15)
            x, y = (r.uniform(rad * 1.1, S - rad * 1.1) for _ in "xy")
            if all((x - a) ** 2 + (y - b) ** 2 > (rad + q + S * .02) ** 2 for a, b, q, _, _ in got):
                got.append((x, y, rad, r.choice(KINDS), r.choice(palette)))
                break
    d["shapes"] = got
    kinds, cols = [g[3] for g in got], [g[4] for g in got]
    qa = [("How many shapes are there?", str(len(got)))]
    k = r.choice(kinds) if r.random() < 0.75 else r.choice(KINDS)
    qa.append(("How many %ss are there?" % k, str(kinds.count(k))))
    for k in set(kinds):
        if kinds.count(k) == 1:
            qa.append(("What colour is the %s?" % k, cols[kinds.index(k)]))
            d["about"][qa[-1][0]] = kinds.index(k)
    for c in set(cols):
        if cols.count(c) == 1:
            qa.append(("What shape is %s?" % c, kinds[cols.index(c)]))
            d["about"][qa[-1][0]] = cols.index(c)
    if r.random() < 0.5:
        i = r.randrange(len(got))
        qa.append(("Is there a %s %s?" % (cols[i], kinds[i]), "yes"))
        d["about"][qa[-1][0]] = i
    else:
        for _ in range(20):
            c, k = r.choice(cols + names), r.choice(kinds + KINDS)
            if (k, c) not in list(zip(kinds, cols)):
                qa.append(("Is there a %s %s?" % (c, k), "no"))
                break
    d["qa"] = r.sample(qa, min(3, len(qa)))
    return d


MIX = {"line": 15, "wide": 8, "paragraph": 18, "receipt": 20, "sign": 9, "screen": 8, "table": 9, "tall": 6, "page": 2, "shape": 7}
MAKERS = {"line": line, "wide": lambda r, o: line(r, o, True), "paragraph": paragraph, "receipt": receipt, "sign": sign, "screen": screen,
          "table": table, "tall": tall, "page": page, "shape": shape}


def weighted(text, base):
    """"shape=30,tall=12" replaces those shares of `base`."""
    return base | {k: float(v) for k, v in (part.split("=") for part in text.split(",") if part)}


def make(r: random.Random, options, mix=None):
    mix = mix or MIX
    while True:
        d = MAKERS[r.choices(list(mix), list(mix.values()))[0]](r, options)
        if d["w"] > 8 and d["h"] > 8 and d["qa"]:
            return d
