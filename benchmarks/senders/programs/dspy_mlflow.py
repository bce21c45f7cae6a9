"""A program of DSPy under MLflow's autologging."""

import mlflow

mlflow.dspy.autolog()
import dspy_program  # noqa: E402, F401

mlflow.flush_trace_async_logging()
