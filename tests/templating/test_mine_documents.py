"""Documents that several prompts quote are values, however long and however few the documents are."""

from random import Random

import pytest

from templating import mine

PROMPTS = (
    "Answer the question from the context below. Say that you do not know when it is not there.\n\nContext:\n{d}\n\nQuestion: {q}\nAnswer:",
    "You are grading the answer of a student to a question about a text.\nText:\n{d}\nStudent's answer: {q}\nGrade it as right or wrong and say why.",
    "Summarize what follows for an executive who has a minute to read it.\n---\n{d}\n---\nAudience: {q}\nSummary:",
    "Given these notes, list every claim that the sentence makes and whether the notes support it.\nNotes: {d}\nSentence: {q}\nClaims:",
    "Write three questions that somebody could ask about this passage.\n\n{d}\n\nThe reader's interest: {q}\nQuestions:",
    "Translate the passage between the marks for the reader named after it.\n<<<{d}>>>\nReader: {q}\nKeep the names as they are.",
)


def calls(number_of_documents, opening=""):
    dice = Random(number_of_documents)
    words = ["".join(dice.choices("aeioubdgklmnprst", k=dice.randint(3, 9))) for _ in range(600)]
    prose = lambda count: " ".join(dice.choices(words, k=count)).capitalize() + "."  # noqa: E731
    documents = ["\n".join(prose(dice.randint(20, 60)) for _ in range(6)) for _ in range(number_of_documents)]
    context = lambda: "\n".join(dice.sample(documents, dice.randint(1, 2)))  # noqa: E731
    pairs = [
        (prompt, opening + prompt.format(d=context(), q=prose(dice.randint(4, 12))))
        for number, prompt in enumerate(PROMPTS)
        for _ in range(60 - 8 * number)
    ]
    dice.shuffle(pairs)
    return pairs


@pytest.mark.parametrize("opening", ["", "You are careful. "], ids=["", "one opening"])
@pytest.mark.parametrize("number_of_documents", [4, 5, 8])
def test_few_documents_that_all_prompts_quote_are_values(number_of_documents, opening):
    pairs = calls(number_of_documents, opening)
    groups = mine([text for _, text in pairs])
    assert [len({pairs[m][0] for m in group.members}) for group in groups] == [1] * len(PROMPTS)
    assert sorted(len(group.members) for group in groups) == sorted(60 - 8 * n for n in range(len(PROMPTS)))
