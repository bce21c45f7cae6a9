from common import count


def prepare(item):
    module = {}
    exec(item["file"], module)
    return lambda values: [message["content"] for message in module["messages"](**values)]


count(prepare)
