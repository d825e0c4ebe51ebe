"""People in the loop: queues of answers to check, their verdicts, and what those say of the judges.

Why it exists: some answers must be seen by a person, before or after they reach the user, and every judgement of a
person is worth more than one of a model. What enters: spans that rules chose, complaints, calls that wait for approval.
What leaves: verdicts, corrections (cases in waiting), agreement between people and with judges, human override rate.
"""
