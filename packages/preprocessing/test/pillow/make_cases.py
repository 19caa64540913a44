#!/usr/bin/env python3
"""Writes small pictures of unusual make and what Pillow reads from them, and sizes with the hash of Pillow's resize.

Needs Pillow 10.1 to 12.x (13 changed the order of the resize passes) and NumPy:  python make_cases.py
"""
import hashlib, json, os, struct, zlib
import numpy as np
import PIL
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "files")
RNG = np.random.default_rng(20240520)


def noise(*shape, low=0, high=256):
    return RNG.integers(low, high, shape, dtype=np.uint8)


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


# ---------------------------------------------------------------- PNG
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, colour_type, extra=b"", high=256):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    rows = noise(height, (width * bits * channels + 7) // 8, high=high)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def pngs():
    write("grey_1bit.png", png(33, 11, 1, 0))
    write("grey_2bit.png", png(33, 11, 2, 0))
    write("grey_4bit.png", png(33, 11, 4, 0))
    write("grey_trns.png", png(33, 11, 8, 0, chunk(b"tRNS", b"\0\5")))
    write("grey_16bit_dark.png", png(33, 11, 16, 0, high=2))
    write("grey_16bit_trns.png", png(33, 11, 16, 0, chunk(b"tRNS", b"\0\5")))
    write("grey_alpha_16bit.png", png(33, 11, 16, 4))
    write("rgba_16bit.png", png(33, 11, 16, 6))
    write("rgb_16bit_trns.png", png(33, 11, 16, 2, chunk(b"tRNS", b"\0\1\0\1\0\1"), high=2))
    write("palette_1bit.png", png(33, 11, 1, 3, chunk(b"PLTE", noise(6).tobytes())))
    write("palette_2bit.png", png(33, 11, 2, 3, chunk(b"PLTE", noise(12).tobytes()) + chunk(b"tRNS", b"\0\x80")))
    write("gamma.png", png(33, 11, 8, 2, chunk(b"gAMA", struct.pack(">I", 100000))))
    write("cicp.png", png(33, 11, 8, 2, chunk(b"cICP", bytes([9, 16, 0, 1]))))


# ---------------------------------------------------------------- BMP
def bmp(width, height, bits, palette=b"", compression=0, header=40, masks=b"", colours=0, top_down=False, offset=None, pixels=None):
    if pixels is None:
        pixels = noise(((width * bits + 31) // 32) * 4 * height).tobytes()
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(pixels), 2835, 2835, colours, 0)
        if header > 40:
            info, masks = info + (masks + b"\0" * 200)[: header - 40], b""
    body = info + masks + palette
    start = 14 + len(body) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(pixels), 0, 0, start) + body + pixels


def runs(width, height, literals):
    """Run-length coded rows; `literals` adds absolute runs, of 8 bits only (Pillow misreads odd runs of 4 bits)."""
    out = b""
    for _ in range(height):
        x = 0
        while x < width:
            n = min(int(RNG.integers(1, 9)), width - x)
            if literals and n >= 3 and RNG.random() < 0.5:
                out += bytes([0, n]) + noise(n).tobytes() + b"\0" * (n % 2)
            else:
                out += bytes([n, int(RNG.integers(0, 256))])
            x += n
        out += b"\0\0"
    return out + b"\0\1"


def bmps():
    w, h = 37, 11
    palette = lambda n, stride=4: noise(n * stride).tobytes()
    mask = lambda *values: struct.pack("<" + "I" * len(values), *values)
    write("1bit.bmp", bmp(w, h, 1, palette(2)))
    write("1bit_white_first.bmp", bmp(w, h, 1, b"\xff\xff\xff\0\0\0\0\0"))
    write("4bit.bmp", bmp(w, h, 4, palette(16)))
    write("8bit.bmp", bmp(w, h, 8, palette(256)))
    write("8bit_100_colours.bmp", bmp(w, h, 8, palette(100), colours=100))
    write("8bit_grey.bmp", bmp(w, h, 8, b"".join(bytes([i, i, i, 0]) for i in range(256))))
    write("8bit_core_header.bmp", bmp(w, h, 8, palette(256, 3), header=12))
    write("8bit_forgotten_table.bmp", bmp(w, h, 8, palette(256), offset=54))
    write("8bit_rle.bmp", bmp(w, h, 8, palette(256), compression=1, pixels=runs(w, h, True)))
    write("4bit_rle.bmp", bmp(w, h, 4, palette(16), compression=2, pixels=runs(w, h, False)))
    write("16bit.bmp", bmp(w, h, 16))
    write("16bit_565.bmp", bmp(w, h, 16, compression=3, masks=mask(0xF800, 0x7E0, 0x1F)))
    write("24bit.bmp", bmp(w, h, 24))
    write("24bit_top_down.bmp", bmp(w, h, 24, top_down=True))
    write("24bit_core_header.bmp", bmp(w, h, 24, header=12))
    write("24bit_v5.bmp", bmp(w, h, 24, header=124))
    write("32bit.bmp", bmp(w, h, 32))
    layouts = {"bgrx": (0xFF0000, 0xFF00, 0xFF, 0), "xbgr": (0xFF000000, 0xFF0000, 0xFF00, 0), "abgr": (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
               "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000), "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000), "no_masks": (0, 0, 0, 0)}
    for name, values in layouts.items():
        write(f"32bit_v4_{name}.bmp", bmp(w, h, 32, compression=3, header=108, masks=mask(*values)))


# ---------------------------------------------------------------- GIF
def gif(screen, frame, corner, palette, transparent=None, background=0, local=False):
    """A frame of 8-bit noise anywhere on the screen; its packed pixels are Pillow's."""
    path = os.path.join(OUT, "packed.gif")
    Image.fromarray(noise(frame[1], frame[0])).save(path)
    with open(path, "rb") as f:
        packed = f.read()
    os.remove(path)
    at = 13 + (3 << ((packed[10] & 7) + 1) if packed[10] & 128 else 0)
    while packed[at] == 0x21:
        at += 2
        while packed[at]:
            at += packed[at] + 1
        at += 1
    flags = packed[at + 9]
    pixels = packed[at + 10 + (3 << ((flags & 7) + 1) if flags & 128 else 0):]
    size = (len(palette) // 3).bit_length() - 2
    table = 0x80 | size if palette else 0
    out = b"GIF89a" + struct.pack("<HHBBB", *screen, 0 if local else table, background, 0) + (b"" if local else palette)
    if transparent is not None:
        out += b"\x21\xf9\4\1\0\0" + bytes([transparent]) + b"\0"
    out += b"\x2c" + struct.pack("<HHHHB", *corner, *frame, table if local else 0) + (palette if local else b"")
    return out + pixels


def gifs():
    table = lambda n: noise(n * 3).tobytes()
    ramp = b"".join(bytes([i, i, i]) for i in range(64))
    write("transparent.gif", gif((24, 20), (24, 20), (0, 0), table(256), transparent=3))
    write("frame_in_screen.gif", gif((40, 30), (20, 10), (5, 7), table(256)))
    write("frame_in_screen_transparent.gif", gif((40, 30), (20, 10), (5, 7), table(256), transparent=9))
    write("frame_in_screen_background.gif", gif((40, 30), (20, 10), (5, 7), table(256), background=77))
    write("frame_beyond_screen.gif", gif((20, 20), (30, 25), (5, 7), table(256)))
    write("short_table.gif", gif((20, 20), (20, 20), (0, 0), table(64)))
    write("no_table.gif", gif((20, 20), (20, 20), (0, 0), b""))
    write("grey_ramp.gif", gif((20, 20), (20, 20), (0, 0), ramp, transparent=70))
    write("local_table.gif", gif((20, 20), (20, 20), (0, 0), table(256), local=True))
    Image.fromarray(noise(41, 50, high=32)).convert("P").save(os.path.join(OUT, "interlaced.gif"), interlace=1)
    stripes = (np.mgrid[0:150, 0:200][1] // 9).astype(np.uint8)
    Image.fromarray(stripes).save(os.path.join(OUT, "long_strings.gif"))


# ---------------------------------------------------------------- JPEG, WebP
def photographs():
    smooth = Image.fromarray(noise(5, 7, 3)).resize((70, 50), Image.Resampling.BICUBIC)
    save = lambda picture, name, **kw: picture.save(os.path.join(OUT, name), **kw)
    save(smooth, "progressive.jpg", quality=85, progressive=True)
    save(smooth, "restart_markers.jpg", quality=85, restart_marker_blocks=2)
    save(smooth.convert("CMYK"), "cmyk.jpg", quality=90)
    with open(os.path.join(OUT, "cmyk.jpg"), "rb") as f:
        data = f.read()
    at = data.index(b"\xff\xee")
    write("cmyk_without_adobe.jpg", data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:])
    frames = [Image.fromarray(noise(20, 30, 4)) for _ in range(3)]
    save(frames[0], "animated.webp", save_all=True, append_images=frames[1:], lossless=True)
    save(frames[0], "alpha_lossy.webp", quality=60)


# ---------------------------------------------------------------- resize
def resizes():
    """Sources are made by the same generator in the test: value = state >> 16 & 255, state = state * 1103515245 + 12345 mod 2^31."""
    rows = []
    for seed in range(1, 61):
        w, h, to_w, to_h = (int(x) for x in RNG.integers(1, 200, 4))
        if seed % 10 == 0:
            to_w = w
        if seed % 10 == 5:
            to_h = h
        state, values = seed, bytearray()
        for _ in range(w * h * 3):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            values.append(state >> 16 & 255)
        picture = Image.frombytes("RGB", (w, h), bytes(values)).resize((to_w, to_h), Image.Resampling.BICUBIC)
        rows.append({"seed": seed, "from": [w, h], "to": [to_w, to_h], "sha256": hashlib.sha256(picture.tobytes()).hexdigest()})
    return rows


def main():
    os.makedirs(OUT, exist_ok=True)
    pngs(), bmps(), gifs(), photographs()
    decoded = []
    for name in sorted(os.listdir(OUT)):
        picture = Image.open(os.path.join(OUT, name)).convert("RGB")
        decoded.append({"file": name, "size": list(picture.size), "sha256": hashlib.sha256(picture.tobytes()).hexdigest()})
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        json.dump({"pillow": PIL.__version__, "decoded": decoded, "resized": resizes()}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
