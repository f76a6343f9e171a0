"""A font without ink: every character is half as wide as it is high, and says what it stands for.

Text that lies on a scan is found and copied, not seen. The character codes of a page are counted
from 1 in the order of Unicode, and all show one blank glyph, so that any script fits.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import cache

from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.ttLib.tables._g_l_y_f import Glyph  # type: ignore[import-untyped]
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

ASCENT = 0.8
"""Of a character's height that is above the baseline."""

ADVANCE = 0.5

NAME = "LedgermillBlank"
_EM = 1000
_BLOCK = 100
"""Entries of one list of a CMap at most."""


def codes_of(texts: Iterable[str]) -> dict[str, int]:
    """Return a code, from 1, for every character of some texts."""
    return {c: code for code, c in enumerate(sorted(set().union(*texts)), 1)}


def add_font(pdf: Pdf, codes: Mapping[str, int]) -> Object:
    """Add the font that writes these characters by their codes, two bytes each."""
    program = blank_font()
    file = Stream(pdf, program)
    file.Length1 = len(program)
    width = round(ADVANCE * 1000)
    top, bottom = round(ASCENT * 1000), round((ASCENT - 1) * 1000)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name(f"/{NAME}"),
        Flags=4,
        FontBBox=Array([0, bottom, width, top]),
        ItalicAngle=0,
        Ascent=top,
        Descent=bottom,
        CapHeight=top,
        StemV=80,
        FontFile2=pdf.make_indirect(file),
    )
    system = Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0)
    letters = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name(f"/{NAME}"),
        CIDSystemInfo=system,
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=width,
        W=Array([1, max(codes.values()), width]),
        CIDToGIDMap=pdf.make_indirect(Stream(pdf, b"\0\0" + b"\0\1" * len(codes))),
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name(f"/{NAME}"),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(letters)]),
            ToUnicode=pdf.make_indirect(Stream(pdf, to_unicode(codes))),
        )
    )


def to_unicode(codes: Mapping[str, int]) -> bytes:
    """Return the CMap that says what every code stands for."""
    entries = [
        f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>"
        for character, code in codes.items()
    ]
    lists = [entries[i : i + _BLOCK] for i in range(0, len(entries), _BLOCK)]
    body = [line for each in lists for line in (f"{len(each)} beginbfchar", *each, "endbfchar")]
    return "\n".join(
        (
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            "<0000> <FFFF>",
            "endcodespacerange",
            *body,
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
            "",
        )
    ).encode("ascii")


@cache
def blank_font() -> bytes:
    """Return a TrueType font of two glyphs without outlines, the same bytes every time."""
    builder = FontBuilder(_EM, isTTF=True)
    builder.font.recalcTimestamp = False
    builder.setupGlyphOrder([".notdef", "blank"])
    builder.setupCharacterMap({0x20: "blank"})
    builder.setupGlyf({".notdef": Glyph(), "blank": Glyph()})
    width = round(ADVANCE * _EM)
    builder.setupHorizontalMetrics({".notdef": (width, 0), "blank": (width, 0)})
    top, bottom = round(ASCENT * _EM), round((ASCENT - 1) * _EM)
    builder.setupHorizontalHeader(ascent=top, descent=bottom)
    builder.setupNameTable({"familyName": NAME, "styleName": "Regular", "psName": NAME})
    builder.setupOS2(
        sTypoAscender=top, sTypoDescender=bottom, usWinAscent=top, usWinDescent=-bottom
    )
    builder.setupPost()
    builder.updateHead(created=0, modified=0)
    file = io.BytesIO()
    builder.font.save(file, reorderTables=True)
    return file.getvalue()
