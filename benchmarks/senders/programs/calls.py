"""The texts of every program's calls, with characters that are easily lost on the way."""

MODEL = "gpt-5-mini"
SYSTEM = 'Sort the mail into billing, returns or other.\nAnswer as {"label": "…"}.\n'


def mail(number):
    """The user's text of a call, different in each call."""
    return f"  Mail {number}:\r\n\tWhere is {{my}} refund? \\n 🙂 "


def messages(number):
    """The messages of a call as OpenAI takes them."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": mail(number)}]
