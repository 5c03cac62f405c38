from matplotlib.figure import Figure

from tf_transfer.report import inline_images
from tf_transfer.report.figures import plotting


def test_a_figure_takes_the_colours_of_its_page(tmp_path):
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#0072B2", marker="o", label="<b>")
    axes.legend()
    plotting.save(figure, tmp_path / "fig.png")
    markup = inline_images.inline_svg(tmp_path / "fig.svg", 'a "line" & more')
    assert markup.startswith('<svg role="img" aria-label="a &#34;line&#34; &amp; more"')
    assert 'style="min-width: 194px; max-width: 313px"' in markup  # 216 points
    assert "<metadata>" not in markup and "&lt;b&gt;" in markup and "<text" in markup
    assert "var(--ink)" in markup and "var(--paper)" in markup and "#0072b2" in markup and "#000000" not in markup
    assert 'id="fig-figure_1"' in markup and 'xlink:href="#fig-' in markup and "url(#fig-" in markup
    plotting.save(figure, tmp_path / "again" / "fig.png")
    assert inline_images.inline_svg(tmp_path / "again" / "fig.svg", 'a "line" & more') == markup  # the same each time
