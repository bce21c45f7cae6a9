"""The prompts of an imaginary outdoor shop's app team, as they would stand in its code.

The prompts show every behaviour of the product:

- texts: long contexts, braces and `{{...}}` in fixed text, Japanese, a prompt of three words, a prompt without slots;
- slots: an optional section, a list of varying examples, slots with few values;
- tasks: two tasks on one path that share a long value, three successive versions, one template on two models;
- order of calls: an agent that keeps its plan through a run, a batch job sorted by its outer loop;
- chat without any template.
"""

from dataclasses import dataclass, field
from typing import Any

from app.sample.parts import Part, part

TOOLS: tuple[dict[str, Any], ...] = tuple(
    {
        "type": "function",
        "function": {
            "name": name,
            "description": about,
            "parameters": {
                "type": "object",
                "properties": {k: {"type": "string"} for k in keys},
                "required": list(keys),
            },
        },
    }
    for name, about, keys in (
        ("find_order", "Look an order up by its number.", ("order",)),
        ("track_parcel", "Where a parcel is now.", ("order",)),
        ("refund", "Pay money back for an order.", ("order", "reason")),
    )
)


@dataclass(frozen=True)
class Prompt:
    """One template in use. `during`: the part of the week that has its calls. Prompts of the same `task` are successive versions."""

    id: str
    task: str
    path: str
    model: str
    calls: int
    shape: str  # how the app sends it: see `bodies.SHAPES`
    parts: tuple[Part, ...]
    during: tuple[float, float] = (0.0, 1.0)
    temperature: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


_TRIAGE = part(
    "system",
    """\
You sort the incoming mail of Fernhill Outdoor, a shop for tents, packs and boots.

Read the ticket and answer with one JSON object and nothing else:
{"team": "returns" | "delivery" | "payments" | "repairs" | "other", "urgency": 1-5, "language": "<ISO code>", "summary": "<12 words>"}

Urgency 5 is for people who stand outdoors without shelter or who were charged more than once.
A customer who threatens with a lawyer is urgency 4, whatever the matter.
Never invent an order number.""",
)

_HELP = part(
    "system",
    """\
You answer questions of Fernhill customers from our help centre.

Rules:
1. Use only the articles in the message. If they do not hold the answer, say so and offer the contact form.
2. Quote lengths of time and prices exactly as they are written.
3. Answer in the language of the question, in at most 90 words.
4. Name the article that you used in square brackets at the end, for example [Returns].""",
)

_GRADER = part(
    "system",
    """\
You are a strict grader of help-centre answers. Decide whether every claim in the answer is supported by the articles.

Reply with exactly two lines:
verdict: supported | partly | unsupported
missing: the first unsupported claim, or "-"

An answer that honestly says it does not know is supported. Politeness earns nothing.""",
)

_SQL = part(
    "developer",
    """\
You write one read-only <<dialect>> query for the analysts at Fernhill.

- Return SQL only, without a fence, without comments.
- Use only the tables and columns listed; if the question cannot be answered from them, return: SELECT 'not possible' AS reason;
- Times are stored in UTC, money in cents. Show money in euros with two decimals.
- Always add LIMIT 500 unless the question asks for a single number.""",
)

_INVOICE = """\
Extract the invoice below into JSON that follows this example to the letter:

{
  "vendor": {"name": "", "vat": null},
  "number": "",
  "lines": [{"text": "", "quantity": 0, "net": 0.0}],
  "total": {"net": 0.0, "gross": 0.0, "currency": "EUR"}
}

Numbers use a point, no thousands separators. Unknown fields are null. Do not translate line texts.

--- invoice (<<pages>> page(s), received by <<channel>>) ---
<<invoice>>
--- end of invoice ---"""

_LABEL = """\
Label a product review with one of: praise, defect, sizing, delivery, price, mixed.

Some reviews that our editors have labelled already:
<<examples>>

Now label this one. Answer with the label only.

Review: <<review>>
Label:"""

_AGENT = part(
    "system",
    """\
You are Fernhill's order assistant. You can look orders up, track parcels and pay money back.

Customer: <<customer>> (member since <<since>>)
Today is <<today>>.

Think about what the customer needs before you call a tool. Look an order up before you say anything about it.
Refunds over 150 euros need a person: say that a colleague will write within one working day, and do not call refund.
Stop when the matter is settled; do not ask whether there is anything else.""",
)

_REVIEW_SYSTEM = part(
    "system",
    """\
You review pull requests in the shop's Python services. You are brief, concrete and kind.

Look for, in this order: wrong behaviour, lost data, missing tests, slow queries, unclear names. Ignore formatting, the linter does that.
Answer as a Markdown list, one finding an item, each with `file:line`. If nothing is wrong, answer "LGTM" and name the best line.""",
)

_REVIEW_USER = """\
Repository: <<repository>>
Title: <<title>>

```diff
<<diff>>
```

Review the change above."""

_TRANSLATE = part(
    "user",
    """\
Translate the product text between the tags into <<language>>.

Keep units, sizes and brand names. Keep placeholders such as {{first_name}} and {{price}} exactly as they are.
Write as a native copywriter would, not word for word; no exclamation marks.

<text>
<<text>>
</text>""",
)

_COPY_HEAD = "Write the shop text for a product.\n\nProduct: <<product>>\nFeatures:\n<<features>>\n\n"
_COPY_V1 = (
    _COPY_HEAD
    + "Two short paragraphs. The first says who it is for, the second what it is made of.\nTone: plain, like a friend who knows."
)
_COPY_V2 = _COPY_HEAD + (
    "Two short paragraphs. The first says who it is for, the second what it is made of.\nDo not use the words "
    '"ultimate", "perfect" or "adventure", and never promise that anything is waterproof for ever.\n'
    "Tone: plain, like a friend who knows."
)
_COPY_V3 = _COPY_HEAD + (
    "One paragraph of at most 70 words that says who it is for, then three bullet points with the facts.\nDo not use the words "
    '"ultimate", "perfect" or "adventure", and never promise that anything is waterproof for ever.\n'
    "Tone: plain, like a friend who knows."
)

_GREETING = """\
Write one sentence that greets visitors of an outdoor shop's start page. No weather, no sales talk, at most twelve words."""

_JA_SYSTEM = part(
    "system",
    """\
あなたはアウトドア用品店「ファーンヒル」のお客様係です。
丁寧な敬語で、三文以内で返信してください。値段と日数は規定どおりに書き、推測で答えないでください。
わからない場合は「担当者より折り返しご連絡いたします」と書いてください。""",
)

_JA_USER = """\
お客様名：<<customer>>様
関係する規定：<<policy>>

お問い合わせ：
<<inquiry>>

返信文だけを書いてください。"""

_NOTES = """\
Summarise the meeting notes below for people who were not there.

Start with one sentence on the outcome. Then list decisions, then open questions, each with the person who owns it.
<<focus>>Leave out jokes and who was late. If something is unclear in the notes, mark it with (?).

Notes of <<team>>:
\"\"\"
<<notes>>
\"\"\""""

_MAIL = """\
Draft a reply to the e-mail below in the name of <<agent>>.

What the reply should do: <<intent>>

Rules: answer in the sender's language, no more than 120 words, no subject line. Do not apologise more than once. \
End with "Kind regards" and the name, nothing after it.

From: <<sender>>
<<mail>>"""

_SEARCH = part(
    "system",
    """\
Rewrite a shop search so that our index finds something.
Give three alternatives, one a line, most literal first. Fix typos, expand abbreviations, drop filler words.
Never add a brand that the customer did not name.""",
)
_SEARCH_USER = part("user", "Search: <<search>>\nResults so far: <<hits>>")

_RESTOCK_SYSTEM = part(
    "system",
    """\
You are the stock planner of Fernhill Outdoor. You work towards the goal one step at a time, and each step is one sentence.
Never order more than the shop sold in a season. If a step cannot be done, say what is missing.""",
)
_RESTOCK_USER = part(
    "user",
    """\
Goal: <<goal>>

Plan:
<<plan>>

Done so far:
<<done>>

Say the next step.""",
)

_ATTRIBUTES = """\
Answer a question of our catalogue from the record of the product, and from nothing else.

Record:
<<record>>

Question: <<question>>
Answer with one value, or with "unknown"."""

PROMPTS: tuple[Prompt, ...] = (
    Prompt(
        "triage",
        "triage",
        "/support/triage",
        "gpt-5-mini",
        300,
        "messages",
        (
            _TRIAGE,
            part(
                "user",
                """\
Ticket from <<customer>>, plan: <<plan>>
Subject: <<subject>>

<<body>>""",
            ),
        ),
        temperature=0.0,
        settings={"response_format": {"type": "json_object"}},
    ),
    Prompt(
        "help-answer",
        "help-answer",
        "/help/answer",
        "gpt-5",
        360,
        "instructions",
        (
            _HELP,
            part(
                "user",
                """\
Articles from the help centre:

<<articles>>

Question: <<question>>
Answer: """,
            ),
        ),
    ),
    Prompt(
        "help-grade",
        "help-grade",
        "/help/answer",
        "gpt-5-mini",
        160,
        "messages",
        (
            _GRADER,
            part(
                "user",
                """\
Articles:
<<articles>>

Question:
<<question>>

Answer to grade:
<<answer>>""",
            ),
        ),
        temperature=0.0,
    ),
    Prompt(
        "sql",
        "sql",
        "/analytics/sql",
        "gpt-5",
        220,
        "messages",
        (
            _SQL,
            part(
                "user",
                """\
Tables:
<<schema>>

Question: <<question>>

SQL:""",
            ),
        ),
        settings={"reasoning": {"effort": "low"}},
    ),
    Prompt(
        "invoice",
        "invoice",
        "/invoices/extract",
        "gpt-5-mini",
        240,
        "content-parts",
        (part("user", _INVOICE),),
        temperature=0.0,
    ),
    Prompt("label", "label", "/reviews/label", "gpt-5-nano", 280, "input", (part("user", _LABEL),), temperature=0.0),
    Prompt(
        "agent",
        "agent",
        "/agent/orders",
        "gpt-5",
        360,
        "agent",
        (_AGENT, part("user", "<<request>>")),
        settings={"tool_choice": "auto"},
    ),
    Prompt(
        "code-review",
        "code-review",
        "/ci/review",
        "claude-sonnet-4-5",
        140,
        "messages",
        (_REVIEW_SYSTEM, part("user", _REVIEW_USER)),
    ),
    Prompt(
        "translate", "translate", "/catalogue/translate", "gpt-5-mini", 240, "messages", (_TRANSLATE,), temperature=0.3
    ),
    Prompt("copy-1", "copy", "/catalogue/describe", "gpt-5", 100, "input", (part("user", _COPY_V1),), (0.0, 0.38), 0.7),
    Prompt("copy-2", "copy", "/catalogue/describe", "gpt-5", 90, "input", (part("user", _COPY_V2),), (0.38, 0.71), 0.7),
    Prompt("copy-3", "copy", "/catalogue/describe", "gpt-5", 80, "input", (part("user", _COPY_V3),), (0.71, 1.0), 0.7),
    Prompt(
        "greeting",
        "greeting",
        "/start/greeting",
        "gpt-5-nano",
        48,
        "input",
        (part("user", _GREETING),),
        temperature=1.0,
    ),
    Prompt("ja-reply", "ja-reply", "/ja/reply", "gpt-5-mini", 140, "messages", (_JA_SYSTEM, part("user", _JA_USER))),
    Prompt("notes", "notes", "/notes/summarise", "claude-haiku-4-5", 180, "content-parts", (part("user", _NOTES),)),
    Prompt("mail", "mail", "/mail/reply", "gpt-5-mini", 200, "messages", (part("user", _MAIL),), temperature=0.5),
    Prompt(
        "search-old-model",
        "search",
        "/search/rewrite",
        "gpt-4.1-mini",
        130,
        "instructions",
        (_SEARCH, _SEARCH_USER),
        (0.0, 0.55),
        0.0,
    ),
    Prompt(
        "search-new-model",
        "search",
        "/search/rewrite",
        "gpt-5-nano",
        110,
        "instructions",
        (_SEARCH, _SEARCH_USER),
        (0.55, 1.0),
        0.0,
    ),
)

PROMPTS += (
    Prompt(
        "restock",
        "restock",
        "/agent/restock",
        "gpt-5-mini",
        96,
        "steps",
        (_RESTOCK_SYSTEM, _RESTOCK_USER),
        temperature=0.2,
    ),
    Prompt(
        "attributes",
        "attributes",
        "/catalogue/attributes",
        "gpt-5-nano",
        120,
        "batch",
        (part("user", _ATTRIBUTES),),
        during=(0.42, 0.43),
        temperature=0.0,
    ),
    Prompt(
        "spelling",
        "spelling",
        "/search/spelling",
        "gpt-5-nano",
        90,
        "input",
        (part("user", "Fix the spelling: <<search>>"),),
    ),
)

CHAT_PATH, CHAT_MODEL, CHAT_CALLS = "/chat", "gpt-5-mini", 130
