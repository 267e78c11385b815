"""Which policies decide: opaque references, with options that are checked when the policy is built."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sim.policies import registry
from sim.scenario.base import Node, check_known, fail
from sim.scenario.quantities import found

OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""Something of a user's own: `package.module:Name`."""


class PolicyReference(Node):
    """A policy by name, or a class by `package.module:Class`, with its options as they stand in the file."""

    name: str
    options: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if isinstance(data, dict) and "default" in data:
            fail("policies by pool arrive in a later version")
        if not isinstance(data, dict) or not isinstance(data.get("policy"), str):
            fail(
                f"expected a policy, found {found(data)}",
                hint="a name, {policy: name, ...options} or package.module:Class",
            )
        return {"name": data["policy"], "options": {key: value for key, value in data.items() if key != "policy"}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        with_options = {"type": "object", "properties": {"policy": {"type": "string"}}, "required": ["policy"]}
        return {"anyOf": [{"type": "string"}, with_options]}

    @model_serializer
    def _short(self) -> str | dict[str, Any]:
        return {"policy": self.name, **self.options} if self.options else self.name


def _named(name: str) -> Any:
    return lambda: PolicyReference.model_construct(name=name, options={})


class Policies(Node):
    """A policy for each decision about the fleet."""

    later_keys: ClassVar = frozenset({"scaling"})
    scheduling: PolicyReference = Field(default_factory=_named("fifo"))
    placement: PolicyReference = Field(default_factory=_named("first_fit"))
    sharing: PolicyReference = Field(default_factory=_named("static"))
    power: PolicyReference = Field(default_factory=_named("none"))

    @field_validator("*")
    @classmethod
    def _check_name(cls, policy: PolicyReference, info: ValidationInfo) -> PolicyReference:
        seam = str(info.field_name)
        if policy.name in registry.LATER[seam]:
            fail(f"`{policy.name}` arrives in a later version")
        if not OWN.fullmatch(policy.name):
            check_known(f"{seam} policy", policy.name, registry.BUILT_IN[seam])
        return policy
