#!/usr/bin/env python3
"""Draws a screen that `tmux capture-pane -e -p` has written: `render.py FROM.ansi TO.png`.

Takes Pillow, and the fonts DejaVu Sans Mono in regular and bold. A cell is as wide as a character
and as high as the font, so that lines and blocks join. Colors are those of an ordinary dark terminal.
"""
import re
import sys
from PIL import Image, ImageDraw, ImageFont

FONTS = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono"
SIZE, WIDE, HIGH, EDGE = 15, 9, 18, 9
BACK, FORE = (22, 24, 29), (208, 211, 217)
BASIC = [
    (40, 42, 48), (214, 82, 82), (106, 180, 89), (214, 170, 74),
    (84, 139, 212), (178, 116, 196), (78, 176, 186), (208, 211, 217),
    (98, 102, 112), (255, 107, 107), (139, 213, 120), (240, 200, 110),
    (120, 174, 255), (214, 150, 232), (112, 214, 224), (255, 255, 255),
]


def indexed(number):
    """A color of the table of 256."""
    if number < 16:
        return BASIC[number]
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    steps = (0, 95, 135, 175, 215, 255)
    number -= 16
    return steps[number // 36], steps[number // 6 % 6], steps[number % 6]


class Pen:
    """How the next character looks."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.fore, self.back = FORE, BACK
        self.bold = self.dim = self.under = self.reverse = False

    def color(self, codes):
        """The color behind a 38 or 48."""
        if codes.pop(0) == 5:
            return indexed(codes.pop(0))
        return codes.pop(0), codes.pop(0), codes.pop(0)

    def take(self, text):
        codes = [int(code or 0) for code in re.split("[;:]", text)]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.clear()
            elif code in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "under", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code == 24:
                self.under = False
            elif code == 27:
                self.reverse = False
            elif code == 38:
                self.fore = self.color(codes)
            elif code == 48:
                self.back = self.color(codes)
            elif code == 39:
                self.fore = FORE
            elif code == 49:
                self.back = BACK
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.fore = BASIC[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.back = BASIC[code - 40 if code < 100 else code - 92]

    def colors(self):
        fore, back = (self.back, self.fore) if self.reverse else (self.fore, self.back)
        if self.dim:
            fore = tuple((one + two) // 2 for one, two in zip(fore, back))
        return fore, back


def cells(text):
    """Lines of (character, fore, back, bold, under)."""
    pen, lines = Pen(), []
    for line in text.split("\n"):
        row, at = [], 0
        while at < len(line):
            escape = re.compile(r"\x1b\[([0-9;:]*)([A-Za-z])|\x1b[()].|[\x0e\x0f]").match(line, at)
            if escape:
                if escape.group(2) == "m":
                    pen.take(escape.group(1))
                at = escape.end()
                continue
            row.append((line[at], *pen.colors(), pen.bold, pen.under))
            at += 1
        lines.append(row)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def main(source, target):
    with open(source, encoding="utf-8") as file:
        lines = cells(file.read())
    wide = max(len(line) for line in lines)
    picture = Image.new("RGB", (wide * WIDE + 2 * EDGE, len(lines) * HIGH + 2 * EDGE), BACK)
    draw = ImageDraw.Draw(picture)
    fonts = [ImageFont.truetype(f"{FONTS}{name}.ttf", SIZE) for name in ("", "-Bold")]
    for row, line in enumerate(lines):
        for column, (char, fore, back, bold, under) in enumerate(line):
            x, y = EDGE + column * WIDE, EDGE + row * HIGH
            if back != BACK:
                draw.rectangle((x, y, x + WIDE - 1, y + HIGH - 1), fill=back)
            if char != " ":
                draw.text((x, y), char, font=fonts[bold], fill=fore)
            if under:
                draw.line((x, y + HIGH - 2, x + WIDE - 1, y + HIGH - 2), fill=fore)
    picture.quantize(128, method=Image.Quantize.MAXCOVERAGE).save(target, optimize=True)


main(*sys.argv[1:])
