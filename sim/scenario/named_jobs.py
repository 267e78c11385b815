"""Jobs that are named one by one: when they come, what they need, by when they should be done."""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.scenario.base import Name, Node, TenantName, context_of, fail
from sim.scenario.quantities import Duration, Positive


class NamedJob(Node):
    """A job; `duration` is on its gang in the first pool of its stream, or follows from `model` and `tokens`.

    `submit` and `deadline` are instants of the run. What it does not say is as its stream says.
    """

    submit: Duration
    accelerators: int = Field(ge=1)
    """The gang."""
    id: Name | None = None
    """Where there is none: the stream's name and the job's place in it, from 1."""
    duration: Duration | None = None
    model: Name | None = None
    tokens: Positive | None = None
    deadline: Duration | None = None
    priority: int | None = None
    tenant: TenantName | None = None

    @field_validator("model")
    @classmethod
    def _check_model(cls, name: str | None, info: ValidationInfo) -> str | None:
        return check_trained(name, info)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_length(self.duration, self.model, self.tokens)
        if self.deadline is not None and self.deadline <= self.submit:
            fail("the deadline has passed when the job is submitted", "deadline", "an instant of the run, as `submit`")
        return self


def check_trained(name: str | None, info: ValidationInfo) -> str | None:
    """Return the name of a model whose training time follows from its parameters."""
    if name is None:
        return None
    context_of(info).check_model(name)
    row = context_of(info).model(name)
    if row is not None and not row.active_parameters:
        fail(f"the training of `{name}` does not follow from its parameters: they are not known", hint="`duration`")
    return name


def check_length(duration: object, model: str | None, tokens: object) -> None:
    """Refuse a job whose length is said twice, or by half."""
    if (model is None) != (tokens is None):
        missing, given = ("tokens", "model") if tokens is None else ("model", "tokens")
        fail(f"`{given}` without `{missing}`", given, "a length is `duration`, or `model` and `tokens`")
    if duration is not None and model is not None:
        fail("`duration` and `model` both say how long it takes", "duration", "one of the two")
    if duration is None and model is None:
        fail("`duration` is missing", hint="or `model` and `tokens`")
