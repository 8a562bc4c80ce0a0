"""How often questions were asked again, as a picture and in words."""

from bot.pictures.bars import Bars, draw_bars
from bot.pictures.picture import Picture, fitting
from bot.services.repeats import RepeatsPage
from bot.words import Words

_PEAKS = 3


def picture_of_repeats(page: RepeatsPage, words: Words) -> Picture:
    """When something was asked again. To be called in a thread; there must be something on the page."""
    weeks, totals = page.weekly.weeks, page.weekly.totals
    title = words("pictures.repeats_title", n=sum(totals), questions=len(page.every))
    axis = words("pictures.repeats_a_week")
    highest = sorted(range(len(weeks)), key=lambda n: (-totals[n], n))[:_PEAKS]
    peaks = [words("pictures.part", what=weeks[n], n=totals[n]) for n in highest if totals[n]]
    values = {"n": sum(totals), "questions": len(page.every), "first": weeks[0], "last": weeks[-1]}
    told = fitting(
        lambda parts: words("pictures.repeats_told", **values, peaks=words("index.comma").join(parts)), peaks
    )
    return Picture(draw_bars(Bars(title, axis, weeks, [(axis, totals)])), told)
