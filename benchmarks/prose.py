"""Text without long repetitions: for the values of slots and for texts of no template.

Sentences are built word by word, so that ten thousand of them share hardly a run of five words. Why no stock of fixed
sentences: each would occur in many calls, and any honest miner would call it fixed text.
"""

import json
from collections.abc import Callable
from random import Random

from app.sample import material as m
from app.sample.values import quirk, spin

NOUNS = """anchor apron arch attic axle badge bakery ballot bank barrel basin beam bell bench berth blanket boiler bolt border bottle bridge
brush bucket bureau cabin cable candle canal canvas cargo carpet cart castle cellar chain chapel chart chimney choir clerk cliff clock coast
coin colony comet committee compass copper cottage council court cradle crane crew crop current curtain dairy depot desk diary ditch dome dust
easel echo editor engine estate fabric factory farm fence ferry fiddle film flag flood floor forge fountain frame frost fuel garden garrison
gate glacier glass grain granite grove guild gull gutter hammer harbour harvest hearth hedge hinge hospital inlet invoice iron island jar
journal kettle kiln ladder lamp lantern lease ledger lens letter library lighthouse linen loom lorry mill mirror mosaic motor museum needle
notice oak oar orchard organ oven paddle parcel parish path pier pigment pilot pipe plaster plough pocket pond port pottery press quarry quill
raft railway recipe reef report ribbon river roof rope saddle sail salt sample school screw seal shelf shutter signal silk skipper slate slope
smoke soil spade spindle spring square stable staff stair statue steam stone storm surgeon surveyor swamp table tailor tar theatre thread tide
timber tool tower trail treaty tunnel valley vault vessel village violin voyage wagon wall ward water wheel willow window wire wood yard""".split()
QUALITIES = """amber ancient angular bare bitter blank blunt brass brief brisk brittle broad calm careful cheap civic coarse cold common costly
crooked damp dark deep dense distant double dull dusty early eager empty even faint false famous far fertile fine firm flat former foreign
frozen gentle gilded grave green half heavy hidden hollow humble idle inner kind large late lean level light local lonely long loose loud low
main narrow neat new noisy northern odd old open outer painted pale patient plain poor proud public quick quiet rare raw remote rough round
royal rusty safe secret severe shallow sharp short silent simple slow small smooth soft solid sour spare square stale steep stiff strange
strict sunken tall tame thick thin tidy tired upper vacant vast vivid warm wet wide wild wooden young""".split()
DEEDS = """admits adorns avoids bends blocks borrows breaks builds burns buries carries catches changes checks claims cleans copies counts covers
crosses cuts delays describes divides drains draws drops earns enters feeds fills finds floods follows forgets gathers grinds guards guides
hides holds ignores joins keeps leads leaves lends lifts lights limits loads locks loses marks measures meets mends moves names needs notes
offers opens orders outlives owns paints passes pays pulls pushes raises reaches records repairs replaces rents ruins scares sells sends shakes
shares shields signs spoils stores studies supports surrounds sweeps takes teaches tests touches trades turns warms washes watches weighs""".split()
PLACES = """above across after against along among around before behind below beside between beyond by despite during inside near
opposite outside over past since through toward under until without""".split()


def _noun_phrase(r: Random) -> str:
    article = r.choice(("a", "the", "the", "one", "each", "our", "no", "this", "that", "every", "some"))
    return f"{article} {r.choice(QUALITIES)} {r.choice(NOUNS)}" if r.random() < 0.6 else f"{article} {r.choice(NOUNS)}"


def sentence(r: Random) -> str:
    """A sentence of about eight words, sometimes with a number, a name or a second half."""
    words = f"{_noun_phrase(r)} {r.choice(DEEDS)} {_noun_phrase(r)}"
    for _ in range(r.choice((0, 1, 1, 2))):
        words += f" {r.choice(PLACES)} {_noun_phrase(r)}"
    if r.random() < 0.1:
        words += f" ({r.choice((str(r.randint(2, 9000)), r.choice(m.NAMES), r.choice(m.CITIES)))})"
    return words[0].upper() + words[1:] + r.choice((".", ".", ".", "!", ";", ""))


def prose(r: Random, low: int, high: int) -> str:
    glue = r.choice((" ", " ", "\n", "\n\n"))
    return glue.join(sentence(r) for _ in range(r.randint(low, high)))


def long_document(r: Random) -> str:
    """9,000 to 17,000 characters in paragraphs."""
    characters_wanted, paragraphs, characters_made = r.randint(9_000, 17_000), [], 0
    while characters_made < characters_wanted:
        paragraphs.append(" ".join(sentence(r) for _ in range(r.randint(2, 9))))
        characters_made += len(paragraphs[-1])
    return "\n\n".join(paragraphs)


def question(r: Random) -> str:
    draw_thing = r.choice((_noun_phrase, lambda r: r.choice(m.NAMES), lambda r: r.choice(m.COMPANIES)))(r)
    sentence = r.choice(
        (
            "why {0} {1} {2}",
            "who {1} {2}",
            "when {1} {0} {2}",
            "what {1} {2} {3} {0}",
            "does it matter that {0} {1} {2}",
            "{0}: {1} {2}",
        )
    )
    words = sentence.format(draw_thing, r.choice(DEEDS), _noun_phrase(r), r.choice(PLACES))
    return r.choice((words, words[0].upper() + words[1:])) + r.choice(("?", "?", "?", "", " ??"))


def phrase(r: Random) -> str:
    return " ".join(r.sample(QUALITIES, r.randint(0, 2)) + [r.choice(NOUNS) for _ in range(r.randint(1, 2))])


_STATEMENTS = (
    "{0} = {1}.{2}({3})", "if {0}.{2}:\n        return {3}", "for {0} in {1}:\n        yield {0}[{3}]", "{0} += {3}", "del {1}",
    "with {2}() as {0}:\n        {0}.{2}", "raise {0} from {1}", "assert {0} is not {1}", "print('{0}', {3})", "while {1}: {0}.pop()",
)  # fmt: skip
_HEADS = (
    "def {2}_{0}({1}):\n    ",
    "class {0}:\n    ",
    "{0} = lambda {1}: {3}\n",
    "@{2}\ndef {0}(): ...\n\n",
    "import {0}\n\n",
    "",
    "# {0} {1}\n",
)


def code(r: Random) -> str:
    """A few lines that look like Python; no two words stand in every result."""
    lines = [r.choice(_HEADS)] + [r.choice(_STATEMENTS) for _ in range(r.randint(1, 6))]
    filled = (line.format(r.choice(NOUNS), r.choice(NOUNS), r.choice(DEEDS), r.randint(0, 999)) for line in lines)
    return "\n    ".join(filled).replace("\n    \n", "\n\n") + r.choice(("", "\n", "\n\n\nmain()"))


def query(r: Random) -> str:
    """A text that looks like SQL."""
    statement = r.choice((
        "select {0}, {1} from {2} where {0} > {3}", "SELECT count(*)\nFROM {2}\nGROUP BY {0}", "WITH {0} AS (TABLE {1}) TABLE {0}",
        "UPDATE {2} SET {0} = {3};", "delete from {2} where not {1}", "EXPLAIN VALUES ({3}), ('{0}')", "{0} JOIN {2} USING ({1})",
    ))  # fmt: skip
    return statement.format(r.choice(NOUNS), r.choice(NOUNS), r.choice(DEEDS), r.randint(0, 999))


def records(r: Random) -> str:
    rows = [{r.choice(NOUNS): r.choice((r.randint(0, 9999), phrase(r), None, r.random() < 0.5)) for _ in range(r.randint(1, 4))}
            for _ in range(r.randint(1, 4))]  # fmt: skip
    return json.dumps(rows if r.random() < 0.7 else rows[0], ensure_ascii=False, indent=r.choice((None, None, 2)))


def history(r: Random) -> str:
    asker, answerer = r.choice((("Human", "AI"), ("user", "assistant"), ("Q", "A"), ("Learner", "Tutor")))
    turns = (f"{asker}: {question(r)}\n{answerer}: {sentence(r)}" for _ in range(r.choice((0, 0, 1, 1, 2, 3, 5, 8))))
    return "\n".join(turns)


JA_NOUNS = "港 船 灯台 時計 工房 庭 橋 窓 市場 茶畑 塩 倉庫 井戸 屋根 手紙 帳簿 太鼓 切符 石垣 水車 薬箱 地図 縄 牛舎 暖炉 望遠鏡 楽器 梯子 網 瓦".split()
JA_DEEDS = """直した 見つけた 閉めた 売る予定だ 数え直す 測りました 無くした 運んでいる 洗うつもりだ 描いた 貸さない 磨きます 借りたい 壊したようだ
預かった 覚えている 調べます 忘れていた 届けた 塗り替える 譲らなかった 燃やすな 守った 隠している 祝った""".split()


def japanese(r: Random) -> str:
    lines = []
    for _ in range(r.randint(1, 5)):
        subject = r.choice(m.JA_NAMES) + r.choice(("さんは", "様が", "は", "も", "と", "の弟は"))
        where = r.choice(("", r.choice(m.JA_CITIES) + r.choice(("の", "で", "へ行き"))))
        lines.append(
            f"{subject}{where}{r.choice(JA_NOUNS)}{r.choice('をがもと')}{r.choice(JA_DEEDS)}{r.choice(('。', '！', ''))}"
        )
    return r.choice(("", "\n")).join(lines)


def splice(r: Random, low: int, high: int) -> str:
    """Pieces of many sentences: free text without repetitions."""
    return " ".join(_piece(r) for _ in range(r.randint(low, high)))


def _piece(r: Random) -> str:
    if r.random() < 0.1:
        text = japanese(r)
        start = r.randrange(len(text) - 4)
        return text[start : start + r.randint(3, 8)]
    words = r.choice((sentence, question, phrase))(r).split()
    start = r.randrange(max(1, len(words) - 3))
    return " ".join(words[start : start + r.randint(2, 5)])


def _lines_of_code(r: Random) -> str:
    lines = code(r).split("\n")
    start = r.randrange(max(1, len(lines) - 1))
    return "\n".join(lines[start : start + r.randint(1, 4)])


def noise(r: Random, *, long: bool = False) -> str:
    """A text of no template, as people and scripts type into a box."""
    kinds: tuple[Callable[[], str], ...] = (
        lambda: splice(r, 2, 5) + r.choice(("?", "", ".", " thanks")),
        lambda: "\n\n".join(splice(r, 6, 20) for _ in range(40 if long else r.randint(1, 3))),
        lambda: f"{splice(r, 1, 3)}\n\n{_lines_of_code(r)}\n{splice(r, 1, 3)}",
        lambda: r.choice(("hi ", "hey, ", "Hello! ", "ok so ", "", "")) + splice(r, 1, 4),
        lambda: records(r),
        lambda: quirk(r, splice(r, 3, 9)),
    )
    return r.choice(kinds)()


def items(r: Random) -> str:
    return "\n".join(r.choice(("- ", "* ", "")) + sentence(r) for _ in range(r.randint(0, 6)))


def error(r: Random) -> str:
    return r.choice(
        (
            'column "{0}" does not exist',
            "near {0}: syntax error",
            "no such table {0}_{1}",
            "{0}: permission denied for {1}",
        )
    ).format(r.choice(NOUNS), r.choice(NOUNS))


def mail(r: Random) -> str:
    return (
        spin(r, r.choice(("", "Hello,\n", "Dear {name},\n\n")))
        + prose(r, 1, 4)
        + spin(r, r.choice(("", "\n{name}", "\n\nyours, {name}")))
    )
