from common import count
from jinja2 import Environment


def prepare(item):
    template = Environment().from_string(item["file"])
    return lambda values: ["".join(block(template.new_context(values))) for block in template.blocks.values()]


count(prepare)
