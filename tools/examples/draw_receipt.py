"""Draws examples/receipt.png: a till receipt in a face that the embedded model was not trained on (Debian: fonts-cantarell).

  python tools/examples/draw_receipt.py"""
import os
from PIL import Image, ImageDraw, ImageFont

ITEMS = [("2 x Rye bread", "7.40"), ("Cheese", "5.85"), ("Apples", "3.20"), ("Dark honey", "6.50")]
FACE = "/usr/share/fonts/opentype/cantarell/Cantarell-%s.otf"


def main():
    width, margin, size, pitch = 384, 26, 20, 29
    image = Image.new("RGB", (width, 336), (250, 250, 247))
    draw = ImageDraw.Draw(image)
    ink = (28, 28, 30)
    face = lambda style, points: ImageFont.truetype(FACE % style, points)
    y = 36
    draw.text((width / 2, y), "Harbour Bakery", font=face("Bold", 27), fill=ink, anchor="mm")
    y += 36
    draw.text((width / 2, y), "2026-03-14  08:25", font=face("Regular", size), fill=ink, anchor="mm")
    y += 24
    draw.line((margin, y, width - margin, y), fill=ink, width=1)
    y += 26
    for name, price in ITEMS:
        draw.text((margin, y), name, font=face("Regular", size), fill=ink, anchor="lm")
        draw.text((width - margin, y), price, font=face("Regular", size), fill=ink, anchor="rm")
        y += pitch
    draw.line((margin, y - 4, width - margin, y - 4), fill=ink, width=1)
    y += 22
    total = "%.2f" % sum(float(price) for _, price in ITEMS)
    draw.text((margin, y), "TOTAL", font=face("Bold", 24), fill=ink, anchor="lm")
    draw.text((width - margin, y), total, font=face("Bold", 24), fill=ink, anchor="rm")
    out = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "receipt.png")
    image.save(out, optimize=True)
    print(os.path.normpath(out), total)


if __name__ == "__main__":
    main()
