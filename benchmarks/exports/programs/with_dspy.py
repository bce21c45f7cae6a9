import dspy
from common import count


class Told(BaseException):
    """The messages that the adapter would send."""


class Listening(dspy.BaseLM):
    def __init__(self):
        super().__init__(model="none")

    def forward(self, prompt=None, messages=None, **_):
        raise Told(messages)


def prepare(item):
    module = {}
    exec(item["file"], module)
    task = dspy.Predict(module["Task"])

    def render(values):
        try:
            with dspy.context(adapter=module["Verbatim"](), lm=Listening()):
                task(**values)
        except Told as told:
            return [message["content"] for message in told.args[0]]

    return render


count(prepare)
