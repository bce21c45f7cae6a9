"""A program of DSPy."""

import dspy
from calls import MODEL, mail

dspy.configure(lm=dspy.LM(f"openai/{MODEL}", cache=False, temperature=1.0, max_tokens=16000))
triage = dspy.Predict("mail -> label")
for number in (1, 2):
    triage(mail=mail(number))
