"""Draw `docs/page-and-rows.png`: a part of a sample page beside what Ledgermill made of it.

ledgermill digitize samples/daily-ledger.jpg --out out && python docs/picture.py out
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
PAGE = "daily-ledger"
ROWS = 9
WIDTH = 760
INK, SOFT, LINE, DOUBT = "#1b1b1b", "#6b6b6b", "#c9c4b8", "#b3261e"


def main(out: Path) -> None:
    data = json.loads((out / f"{PAGE}.json").read_text("utf-8"))
    table = data["tables"][0]
    cells = {(c["row"], c["column"]): c for c in table["cells"] if c["row"] < ROWS}
    xs = [x for c in cells.values() for x, _ in c["polygon"]]
    ys = [y for c in cells.values() for _, y in c["polygon"]]
    scan = Image.open(ROOT / "samples" / f"{PAGE}.jpg").convert("RGB")
    part = scan.crop((int(min(xs)) - 20, int(min(ys)) - 20, int(max(xs)) + 20, int(max(ys)) + 14))
    part = part.resize((WIDTH, round(part.height * WIDTH / part.width)))
    picture = Image.new("RGB", (2 * WIDTH + 60, part.height + 60), "white")
    picture.paste(part, (15, 45))
    draw = ImageDraw.Draw(picture)
    head, body = ImageFont.load_default(19), ImageFont.load_default(17)
    draw.text((15, 12), f"{PAGE}.jpg", SOFT, head)
    draw.text((WIDTH + 45, 12), "SELECT … FROM cells", SOFT, head)
    widths = [60, 80, 80, 80, 80, 200]
    step = part.height / ROWS
    for row in range(ROWS):
        x, y = WIDTH + 45, 45 + row * step
        for column in range(table["columns"]):
            cell = cells[row, column]
            colour = DOUBT if cell["status"] == "doubtful" else INK
            draw.text((x + 6, y + step / 2 - 15), cell["text"], colour, body)
            if cell["text"] and column in (1, 2, 3, 4) and row >= table["header_rows"]:
                sure = f"{100 * cell['confidence']:.0f} %"
                draw.text((x + 6, y + step / 2 + 4), sure, SOFT, ImageFont.load_default(11))
            x += widths[column] + 20
        draw.line((WIDTH + 45, y + step, 2 * WIDTH + 45, y + step), LINE)
    picture.save(ROOT / "docs" / "page-and-rows.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
