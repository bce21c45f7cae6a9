"""A pipeline of Haystack: a prompt builder and a generator."""

from calls import MODEL, SYSTEM, mail
from haystack import Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage

template = [ChatMessage.from_system(SYSTEM), ChatMessage.from_user("{{ mail }}")]
pipeline = Pipeline()
pipeline.add_component("builder", ChatPromptBuilder(template=template, required_variables=["mail"]))
pipeline.add_component("model", OpenAIChatGenerator(model=MODEL))
pipeline.connect("builder.prompt", "model.messages")


def run():
    """Two calls."""
    for number in (1, 2):
        pipeline.run({"builder": {"mail": mail(number)}})


if __name__ == "__main__":
    run()
