"""Characters that are drawn: Latin letters, digits and signs, and letters of writing systems."""

from __future__ import annotations

import string


def _range(*parts: tuple[int, int]) -> str:
    """The characters from the first to the last code point of each part."""
    return "".join(chr(code) for first, last in parts for code in range(first, last + 1))


def _hangul() -> str:
    """Syllables of each of fourteen consonants with five vowels."""
    consonants = (0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18)
    vowels = (0, 4, 8, 13, 20)
    return "".join(
        chr(0xAC00 + 588 * first + 28 * vowel) for first in consonants for vowel in vowels
    )


LATIN = string.ascii_uppercase + string.ascii_lowercase + string.digits + "!?&@#$%+=*"
# Letters that stand alone. Of Cyrillic, those that Latin has not; of Ethiopic, two of
# the eight orders of its syllables.
SCRIPTS = {
    "arabic": _range((0x0621, 0x063A), (0x0641, 0x064A)) + "\u067e\u0686\u0698\u06af",
    "armenian": _range((0x0531, 0x0556), (0x0561, 0x0586)),
    "bengali": _range((0x0985, 0x0994), (0x0995, 0x09B9), (0x09DC, 0x09DF)),
    "cyrillic": "БГДЖЗИЙЛПФЦЧШЩЪЫЬЭЮЯбвгджзийклмнптфцчшщъыьэюя",
    "devanagari": _range((0x0905, 0x0914), (0x0915, 0x0939)),
    "ethiopic": "".join(chr(code) for code in range(0x1200, 0x1358) if code % 8 in (0, 3)),
    "georgian": _range((0x10D0, 0x10F0)),
    "greek": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψω",
    "hangul": _hangul(),
    "hebrew": _range((0x05D0, 0x05EA)),
    "khmer": _range((0x1780, 0x17A2), (0x17A5, 0x17B3)),
    "lao": _range((0x0E81, 0x0EAE)) + _range((0x0EC0, 0x0EC4)),
    "tamil": _range((0x0B85, 0x0B94), (0x0B95, 0x0BB9)),
    "telugu": _range((0x0C05, 0x0C14), (0x0C15, 0x0C39)),
    "thai": _range((0x0E01, 0x0E2E), (0x0E40, 0x0E44)),
}
