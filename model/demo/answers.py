"""The one right answer to a kind of question about a picture's facts, in either language. Knows no questions."""

from model.demo.language import wordings
from model.demo.pictures import Facts

OPPOSITE = {"right": "left", "left": "right"}
SPREAD = ("effusion", "pneumothorax")  # reach over more than a quarter of the picture


def _finding(words: dict[str, dict[str, str]], kind: str) -> dict[str, str]:
    there = words["there"][kind]
    return {
        "there": there,
        "There": there[:1].upper() + there[1:],
        "finding": words["finding"][kind],
        "absent": words["absent"][kind],
    }


def _describe(facts: Facts, language: str) -> str:
    words = wordings("answers")[language]
    sentences = [words["modality"][facts.modality]]
    if facts.modality == "histology":
        sentences.append(words["stain"][facts.stain])
        if facts.density:
            sentences.append(words["density"][facts.density])
    else:
        sentences.append(words["part"][facts.part])
    if not facts.assessed:
        sentences.append(words["unassessed"])
    elif facts.finding == "none":
        sentences.append(words["none"])
    else:
        names = _finding(words, facts.finding)
        if facts.side != "none":
            sentences.append(words["is_there"].format(**names, place=words["place_side"][facts.side]))
        elif facts.quadrant:
            sentences.append(words["is_there"].format(**names, place=words["place_quadrant"][facts.quadrant]))
        else:
            sentences.append(words["is_there_plain"].format(**names))
    return " ".join(sentences)


def _place(kind: str, facts: Facts, argument: str, words: dict[str, dict[str, str]]) -> str:
    if kind == "half":
        if facts.modality == "histology":
            return str(words["no_side_plain"])
        place, found = words["place_side"][argument], facts.side == argument
    else:
        place, found = words["place_quadrant"][argument], facts.quadrant == argument
    if not found:
        return str(words["none_there"]).format(place=place)
    return str(words["is_there"]).format(**_finding(words, facts.finding), place=place)


def _site(kind: str, facts: Facts, words: dict[str, dict[str, str]]) -> str:
    """Answers to "which side" and "where" when there is a finding."""
    quadrant = words["place_quadrant"].get(facts.quadrant, "")
    if facts.side == "none":
        template = words["no_side"] if kind == "side" else words["on_side"]
        return str(template).format(place=quadrant) if quadrant else str(words["no_side_plain"])
    side = words["place_side"][facts.side]
    if kind == "side" or not quadrant:
        return str(words["on_side"]).format(place=side)
    return str(words["both_places"]).format(place=quadrant, place_two=side)


def answer(kind: str, facts: Facts | None, language: str, argument: str = "") -> str:
    """The answer; `argument` is the finding asked for (such), two of them (either, joined by "+"), the side (half) or
    the quarter (quadrant)."""
    words = wordings("answers")[language]
    if kind == "scope":
        return str(words["scope"])
    if facts is None:
        return str(words["image_needed"])
    if facts.modality == "other":
        return str(words["foreign"])
    if kind == "describe":
        return _describe(facts, language)
    if kind in ("modality", "part"):
        return str(words[kind][getattr(facts, kind)])
    if kind in ("stain", "density"):
        if facts.modality != "histology":
            return str(words[f"no_{kind}"])
        value = getattr(facts, kind)
        return str(words[kind][value] if value else words["no_density_section"])
    if not facts.assessed:
        return str(words["unassessed"])
    if kind == "such":
        names = _finding(words, argument)
        return str(words["yes" if facts.finding == argument else "no_such"]).format(**names)
    if kind == "either":
        if facts.finding in argument.split("+"):
            return str(words["yes"]).format(**_finding(words, facts.finding))
        return str(words["neither"])
    if kind in ("half", "quadrant"):
        return _place(kind, facts, argument, words)
    if facts.finding == "none":
        return str(words["none"])
    if kind in ("side", "where"):
        return _site(kind, facts, words)
    return str(words["is_there_plain" if kind == "finding" else "it_is"]).format(**_finding(words, facts.finding))


def stated(category: str, text: str, language: str) -> frozenset[str]:
    """What a text says of the "modality", the "finding" ("none" included) or the "side", in whatever sentence."""
    words = wordings("answers")[language]
    if category == "modality":
        return frozenset(name for name, sentence in words["modality"].items() if sentence in text)
    if category == "side":
        return frozenset(name for name, place in words["place_side"].items() if place in text)
    found = {"none"} if words["none"] in text else set[str]()
    for kind in words["finding"]:
        names = _finding(words, kind)
        forms = (f"{names['there']} {names['finding']}", f"{names['There']} {names['finding']}")
        if any(form in text for form in (*forms, str(words["it_is"]).format(**names))):
            found.add(kind)
    return frozenset(found)


def places_to_ask(facts: Facts) -> list[str]:
    """Quarters of the picture whose answer is beyond doubt."""
    names = ["upper_left", "upper_right", "lower_left", "lower_right"]
    if facts.finding == "none":
        return names
    if not facts.quadrant:
        return []
    upright, across = facts.quadrant.split("_")
    other = OPPOSITE[across]
    sure = [facts.quadrant, facts.quadrant, f"upper_{other}", f"lower_{other}"]
    if facts.finding not in SPREAD:
        sure.append(("lower_" if upright == "upper" else "upper_") + across)
    return sure
