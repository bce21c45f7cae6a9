"""The values of the slots: one function a task, from a random source to the call's variables.

Values vary as in a real app: names and numbers freely, languages and plans among a few, help-centre articles word
for word from a fixed stock. Now and then a context is empty, or a value has a stray line end or a brace.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from random import Random

from app.sample import material as m

Variables = dict[str, str]

_ALTERNATIVES = re.compile(r"\[([^\]]*\|[^\]]*)\]")
_FIELDS = re.compile(r"\{(\w+)\}")

_FILL: dict[str, Callable[[Random], str]] = {
    "name": lambda r: r.choice(m.NAMES),
    "product": lambda r: r.choice(m.PRODUCTS),
    "part": lambda r: r.choice(m.PARTS),
    "city": lambda r: r.choice(m.CITIES),
    "company": lambda r: r.choice(m.COMPANIES),
    "job": lambda r: r.choice(m.JOBS),
    "day": lambda r: r.choice(m.DAYS),
    "n": lambda r: str(r.randint(2, 48)),
    "money": lambda r: f"{r.randint(4, 480)}.{r.randint(0, 99):02d} EUR",
    "order": lambda r: f"{r.choice('ABDEGKMPRTW')}{r.randint(10_000, 99_999)}",
}
_FILL_JA: dict[str, Callable[[Random], str]] = _FILL | {
    "name": lambda r: r.choice(m.JA_NAMES),
    "product": lambda r: r.choice(m.JA_PRODUCTS),
    "city": lambda r: r.choice(m.JA_CITIES),
    "money": lambda r: f"{r.randint(12, 980)}00円",
}


def spin(r: Random, text: str, fill: dict[str, Callable[[Random], str]] = _FILL) -> str:
    """Expands a sentence: `[a|b]` becomes one of the alternatives, `{city}` the name of a city."""
    filled = _ALTERNATIVES.sub(lambda match: r.choice(match[1].split("|")), text)
    return _FIELDS.sub(lambda match: fill[match[1]](r), filled).strip()


def several(r: Random, pool: tuple[str, ...], low: int, high: int) -> list[str]:
    return [spin(r, text) for text in r.sample(pool, r.randint(low, high))]


def quirk(r: Random, value: str) -> str:
    """Gives one value in 25 an oddity of real traffic (white space, braces): templates must still render it exactly."""
    if r.random() >= 0.04:
        return value
    return r.choice(
        (
            "\r\n" + value,
            value + "  ",
            "\t" + value + "\n",
            value + " {{name}} {0} %s",
            value + " 🙂\u00a0👍🏽",
            value + '\n{"a": {"b": []}}',
            value.replace(" ", "  ", 2),
            "¿" + value + "?!",
        )
    )


def ticket(r: Random) -> str:
    lines = [*several(r, m.PROBLEMS, 1, 2), *several(r, m.DETAILS, 0, 3), *several(r, m.ASKS, 1, 1)]
    glue = r.choice((". ", "\n", "\n\n", " - "))
    return quirk(r, r.choice(("", "", "Hello, ", "Hi all\n", "Dear shop,\n\n", "URGENT: ")) + glue.join(lines))


def help_case(r: Random) -> tuple[str, str]:
    """(articles of the search, question). There are few cases, so that the grader's prompts repeat those of the answers."""
    case = Random(f"help-case-{r.randrange(260)}")
    question = quirk(case, spin(case, case.choice(m.QUESTIONS)))
    if case.random() < 0.04:
        return "", question
    articles = case.sample(m.ARTICLES, case.randint(2, 5))
    layout = case.choice(("{0}\n{1}", "[{0}] {1}", "# {0}\n\n{1}", "{1} ({0})"))
    return "\n\n".join(layout.format(*article) for article in articles), question


def triage(r: Random) -> Variables:
    plan = r.choices(("free", "Acorn", "Trade"), (6, 3, 1))[0]
    return {"customer": r.choice(m.NAMES), "plan": plan, "subject": spin(r, r.choice(m.SUBJECTS)), "body": ticket(r)}


def help_answer(r: Random) -> Variables:
    articles, question = help_case(r)
    return {"articles": articles, "question": question}


def help_grade(r: Random) -> Variables:
    articles, question = help_case(r)
    sentences = [s for _, text in r.sample(m.ARTICLES, 2) for s in text.split(". ")]
    answer = r.choice(
        (r.choice(sentences), ". ".join(r.sample(sentences, 2)), "I do not know, please use the contact form.")
    )
    return {"articles": articles, "question": question, "answer": quirk(r, answer)}


_TABLES = (
    "orders(id, customer_id, placed_at, shipped_at, total_cents, country)",
    "order_lines(order_id, sku, quantity, price_cents)",
    "customers(id, joined_at, plan, city)",
    "products(sku, title, category, weight_g, launched_on)",
    "returns(id, order_id, sku, reason, received_at)",
    "stock(sku, shop, pieces, counted_at)",
    "shops(name, city, opened_on)",
    "reviews(sku, stars, label, written_at, language)",
    "searches(text, hits, searched_at, clicked_sku)",
    "repairs(id, sku, fault, booked_at, done_at, price_cents)",
)
_ASKED = (
    "[Revenue|Turnover] by [country|category] [since {day}|in the last {n} weeks]",
    "how many [customers|members] [joined|left] in {city}",
    "[Top|Worst] {n} products by [returns|stars]?",
    "Which [shops|cities] had no {product} on {day}?",
    "median [days|hours] to repair a {part}",
    "Share of orders over {money} that [came back|were returned]",
    "[Searches|Texts] without a hit, [most|least] often first",
    "Did {company} [buy|order] [more|less] than {n} times?",
    "Compare {city} with {city}: orders a [week|month].",
    "list [reasons|faults] for the {product}, {n} newest",
    "[average|mean] basket of [Trade|Acorn] members, [by month|in euros]",
)


def sql(r: Random) -> Variables:
    question = quirk(r, spin(r, r.choice(_ASKED)))
    schema = "\n".join(r.sample(_TABLES, r.randint(2, 6)))
    if r.random() < 0.15:
        schema = schema.replace("(", " (").replace("\n", ";\n") + ";"
    return {
        "dialect": r.choices(("PostgreSQL", "BigQuery", "SQLite"), (5, 3, 2))[0],
        "schema": schema,
        "question": question,
    }


def _invoice_line(r: Random) -> str:
    text = spin(
        r,
        r.choice(
            ("{product}", "{part} for {product}", "Freight to {city}", "Repair of {part}", "Hours {name}", "{n}x box")
        ),
    )
    gap, unit = r.choice((" | ", "   ", "\t")), r.choice((" pcs ", " x ", " "))
    return f"{text}{gap}{r.randint(1, 40)}{unit}{r.randint(3, 900)}.{r.randint(0, 99):02d}"


def invoice(r: Random) -> Variables:
    head = spin(
        r,
        r.choice(
            (
                "{company}\n{city}",
                "INVOICE {order} - {company}",
                "{order}\nto: {name}, {city}",
                "Rechnung {order}\n{company}",
            )
        ),
    )
    foot = spin(
        r,
        r.choice(
            ("Total {money}", "{money} due within {n} days", "VAT incl.: {money}\nThank you!", "IBAN on file. {name}")
        ),
    )
    body = "\n".join(_invoice_line(r) for _ in range(r.randint(1, 9)))
    pages = r.choices(("1", "2", "3", "7"), (8, 3, 1, 1))[0]
    return {
        "pages": pages,
        "channel": r.choice(("mail", "upload", "fax")),
        "invoice": quirk(r, f"{head}\n\n{body}\n\n{foot}"),
    }


def label(r: Random) -> Variables:
    examples = [f"{r.choice(m.LABELS)}: {spin(r, text)}" for text in r.sample(m.REVIEWS, r.randint(2, 5))]
    return {"examples": "\n".join(examples), "review": quirk(r, " ".join(several(r, m.REVIEWS, 1, 3)))}


def agent(r: Random) -> Variables:
    month = r.choice(("January", "March", "May", "June", "August", "October", "December"))
    request = " ".join([*several(r, m.PROBLEMS, 1, 1), *several(r, m.ASKS, 0, 1)])
    return {"customer": r.choice(m.NAMES), "since": f"{month} {r.randint(1998, 2025)}", "request": quirk(r, request)}


_CHANGES = (
    ("return total", "return round(total, 2)"),
    ("if not lines:", "if lines is None:"),
    ("time.sleep(1)", "event.wait(1)"),
    ("rows = list(cursor)", "rows = cursor.fetchmany(500)"),
    ("except Exception:", "except KeyError as error:"),
    ('log.info("done")', 'log.info("done", count=len(rows))'),
    ("sku = parts[0]", "sku, _, size = text.partition('-')"),
    ("price * quantity", "price * max(quantity, 1)"),
    ("json.loads(body)", "json.loads(body or '{}')"),
    ("open(path)", 'open(path, encoding="utf-8")'),
    ("cache = {}", "cache: dict[str, int] = {}"),
    ("assert user", "assert user.active"),
)
_TITLES = ("Fix {0}", "speed up {0} in {city}", "test: {0}", "{0}: [guard|check] the {part}", "Tidy")
_MODULES = (
    "basket",
    "refunds",
    "parcels",
    "stock/count",
    "mail/render",
    "search/index",
    "api/orders",
    "jobs/nightly",
    "labels",
    "vat",
)


def _hunk(r: Random) -> str:
    old, new = r.choice(_CHANGES)
    verb, argument = r.choice(("load", "sum_up", "send", "parse", "retry")), r.choice(("order", "rows", "path", "user"))
    indent = " " * r.choice((4, 8))
    head = r.choice(("def {0}_{1}({2}):\n", "def {0}({2}, {1}=None):\n", " # {1}\n", "")).format(
        verb, r.choice(_MODULES).split("/")[-1], argument
    )
    note = r.choice(("", f"  # {r.randint(10, 99)}"))
    lines = r.choice(("-{0}\n+{1}\n", "-{0}\n", "+{1}\n")).format(indent + old + note, indent + new)
    return f"{head}{lines} {indent}{argument}.touch()"


def code_review(r: Random) -> Variables:
    starts = ("--- a/{0}.py\n+++ b/{0}.py\n", "@@ -{1},7 +{1},7 @@ ", "index {1:07x}..{2:07x} 100644\n")
    hunks = "\n".join(
        r.choice(starts).format(r.choice(_MODULES), r.randint(3, 400), r.randint(9, 9**7)) + _hunk(r)
        for _ in range(r.randint(1, 4))
    )
    title = spin(r, r.choice(_TITLES).replace("{0}", r.choice(_MODULES)))
    return {
        "repository": r.choice(("shop-web", "stock", "payments", "mailer")),
        "title": title,
        "diff": hunks + r.choice(("", "\n\\ No newline at end of file", "\n \n")),
    }


def _blurb(r: Random) -> str:
    first = spin(
        r,
        r.choice(
            (
                "The {product} {0}",
                "Made for every {job} near {city}: {0}",
                "{n} nights out with the {product}. Note: {0}",
                "{0}? The {product}",
            )
        ).replace("{0}", r.choice(m.FEATURES)),
    )
    return quirk(
        r,
        r.choice((". ", ", ", "\n")).join([first, *several(r, m.FEATURES, 1, 4)])
        + r.choice(("", ".", " {{price}}", "!")),
    )


def translate(r: Random) -> Variables:
    return {
        "language": r.choices(("German", "French", "Polish", "Italian", "日本語"), (6, 4, 2, 2, 1))[0],
        "text": _blurb(r),
    }


def copy(r: Random) -> Variables:
    return {"product": r.choice(m.PRODUCTS), "features": "\n".join(several(r, m.FEATURES, 2, 6))}


def greeting(_: Random) -> Variables:
    return {}


def ja_reply(r: Random) -> Variables:
    questions = [spin(r, text, _FILL_JA) for text in r.sample(m.JA_ASKS, r.randint(1, 3))]
    return {
        "customer": r.choice(m.JA_NAMES),
        "policy": r.choice(m.JA_POLICIES),
        "inquiry": quirk(r, "".join(questions)),
    }


def notes(r: Random) -> Variables:
    topic = r.choice(("deadlines", "anything about money", "who talks to the shops", "the spring list", "risks"))
    focus = f"Pay particular attention to {topic} and put it first.\n" if r.random() < 0.45 else ""
    team = r.choice(("the web team", "warehouse", "Buying", "shop managers", "legal and finance"))
    return {
        "focus": focus,
        "team": team,
        "notes": quirk(r, r.choice(("\n", "\n\n", " ")).join(several(r, m.AGENDA, 2, 7))),
    }


def mail(r: Random) -> Variables:
    text = (
        r.choice(("", "Hello,\n\n", "Dear {name},\n", "hi - "))
        + " ".join(several(r, m.MAILS, 1, 2))
        + r.choice(("", "\n\n{name}", "\nBest, {name}"))
    )
    sender = spin(r, r.choice(("{name}", "{company}", "{name} ({company})", "{name}, {city}")))
    intent = quirk(r, spin(r, r.choice(m.INTENTS)))
    return {"agent": r.choice(m.NAMES[:5]), "intent": intent, "sender": sender, "mail": quirk(r, spin(r, text))}


def search(r: Random) -> Variables:
    return {"search": quirk(r, spin(r, r.choice(m.SEARCHES))), "hits": str(r.choice((0, 0, 1, 2, 3, 14, 260)))}


def restock(r: Random) -> Variables:
    """The variables of one run of the planner; the list of steps done grows with each call."""
    goal = spin(
        r,
        r.choice(
            (
                "{n} more of the {product} in {city} by {day}",
                "No shop may run out of {part}s before the season",
                "Sell what is left of the {product}, then close the line",
                "Get {company} to deliver to {city} [twice a week|on {day}]",
                "Halve what lies in {city}: {money} is too much",
            )
        ),
    )
    mark = r.choice(("- ", "", "* ", "then "))
    plan = "\n".join(mark + restock_step(r) for _ in range(r.randint(2, 4)))
    return {"goal": goal, "plan": plan, "done": ""}


def restock_step(r: Random) -> str:
    return spin(
        r,
        r.choice(
            (
                "Count the {product} in {city}",
                "ask {company} for {n} {part}s.",
                "Move {n} boxes to {city} by {day}",
                "compare {money} with last {day}",
                "{name} knows more about the {part} of the {product}",
                "order from {company}, {money}",
            )
        ),
    )


def attributes(r: Random) -> Variables:
    """A product's record with its fields in random order, as the shop system prints records."""
    lines = [
        *several(r, m.FEATURES, 3, 6),
        spin(r, r.choice(("{product}", "{money}", "{city}, {day}"))),
        spin(r, r.choice(("{order}", "{n}"))),
    ]
    r.shuffle(lines)
    return {"record": r.choice(("\n", "; ", " | ")).join(lines), "question": attribute_question(r)}


def attribute_question(r: Random) -> str:
    return spin(
        r,
        r.choice(
            (
                "How many {part}s does it have?",
                "does it fit a {job}",
                "Can the {part} be replaced, in {city} too?",
                "is the {part} sold alone",
                "What does the {part} weigh?",
                "{name} asks how long the warranty is",
                "Which {part} goes with the {product}?",
                "washing at {n} degrees, yes or no",
            )
        ),
    )


def spelling(r: Random) -> Variables:
    return {"search": spin(r, r.choice(m.SEARCHES))}


VALUES: dict[str, Callable[[Random], Variables]] = {
    "triage": triage,
    "help-answer": help_answer,
    "help-grade": help_grade,
    "sql": sql,
    "invoice": invoice,
    "label": label,
    "agent": agent,
    "code-review": code_review,
    "translate": translate,
    "copy": copy,
    "greeting": greeting,
    "ja-reply": ja_reply,
    "notes": notes,
    "mail": mail,
    "search": search,
    "restock": restock,
    "attributes": attributes,
    "spelling": spelling,
}


def variables_for(task: str, r: Random, when: datetime) -> Variables:
    """The variables of one call; `when` is the date and time that some prompts hold."""
    return VALUES[task](r) | ({"today": f"{when:%A}"} if task == "agent" else {})


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
