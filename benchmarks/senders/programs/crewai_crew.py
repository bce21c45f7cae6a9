"""A crew of CrewAI: one agent, one task."""

from calls import MODEL, mail
from crewai import LLM, Agent, Crew, Task

agent = Agent(role="Clerk", goal="Sort mail", backstory="You sort.", llm=LLM(model=f"openai/{MODEL}"))
for number in (1, 2):
    task = Task(description=mail(number), expected_output="A label", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
