"""Pictures inside an HTML page: SVG, which takes the page's colours by day and by night, and PNG."""

from __future__ import annotations

import base64
import pathlib
import re

import markupsafe

# The page decides about these; all other colours are the treatments' own, legible on light and on dark.
_THEME = {"#000000": "var(--ink)", "#ffffff": "var(--paper)", "#dddddd": "var(--grid)", "#aa0000": "var(--warning)"}
_PIXELS_PER_POINT = (0.9, 1.45)  # at least and at most, so that texts of 9 points have 8 to 13 pixels


def inline_svg(path: pathlib.Path, alt: str) -> markupsafe.Markup:
    """Reads a figure as an `svg` element.

    Args:
      path: An SVG file that `plotting.save` has written. Its name is put before all ids, which must differ between the
        figures of a page.
      alt: What the figure shows, for those who cannot see it.

    Returns:
      The element, in which black, white and grey are the CSS variables `--ink`, `--paper`, `--grid` and `--warning`. It
      grows and shrinks with the page as far as its texts are legible.

    Raises:
      ValueError: The file has no `svg` element with a size in points.
    """
    text = re.sub(r"<metadata>.*?</metadata>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = text[text.index("<svg") :]
    text = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{path.stem}-", text)
    for color, variable in _THEME.items():
        text = text.replace(color, variable)
    size = re.search(r' width="([\d.]+)pt" height="[\d.]+pt"', text)
    if size is None:
        raise ValueError(f"expected an svg element with a width in points in {str(path)!r}")
    least, most = (round(scale * float(size[1])) for scale in _PIXELS_PER_POINT)
    style = f' style="min-width: {least}px; max-width: {most}px"'
    text = text.replace(size[0], style, 1)
    return markupsafe.Markup(text.replace("<svg", f'<svg role="img" aria-label="{markupsafe.escape(alt)}"', 1))


def inline_png(path: pathlib.Path, alt: str) -> markupsafe.Markup:
    """Reads a picture as an `img` element that holds the whole PNG file."""
    data = base64.b64encode(path.read_bytes()).decode()
    return markupsafe.Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alt, data)
