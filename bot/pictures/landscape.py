"""A map of what was talked about, as a picture and in words."""

from bot.pictures.picture import Picture, fitting
from bot.pictures.points import Points, draw_points
from bot.services.landscapes import Landscape
from bot.words import Words


def picture_of_landscape(landscape: Landscape, words: Words) -> Picture:
    """A landscape drawn and told. To be called in a thread."""
    first, last = landscape.first_at.date(), landscape.last_at.date()
    names = [words("pictures.and").join(name) or words("pictures.unnamed") for name in landscape.names]
    told = [
        words("pictures.group", name=name, percent=_percent(share))
        for name, share in zip(names, landscape.shares, strict=True)
    ]
    title = words("pictures.map_title", first=first, last=last)
    values = {"n": len(landscape), "first": first, "last": last, "n_groups": len(names)}
    return Picture(
        draw_points(Points(title, landscape.places, landscape.groups, names)),
        fitting(lambda parts: words("pictures.map_told", **values, groups="; ".join(parts)), told),
    )


def remarks_on_landscape(landscape: Landscape, words: Words) -> list[str]:
    """What must be known to read a landscape rightly."""
    if landscape.n_texts <= len(landscape):
        return []
    return [words("pictures.chosen", n=len(landscape), n_texts=landscape.n_texts)]


def _percent(share: float) -> int:
    return round(share * 100)
