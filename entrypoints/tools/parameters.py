"""Parameters that several tools take."""

from typing import Annotated

from pydantic import Field

Query = Annotated[str, Field(min_length=1, max_length=2_000, description="What to look for, in plain words.")]
Limit = Annotated[int, Field(ge=1, le=50, description="At most so many.")]
DefaultLimit = Annotated[
    int | None, Field(ge=1, le=50, description="At most so many; default: the setting search_limit.")
]
MinScore = Annotated[float | None, Field(ge=0, le=1, description="Leave out hits below this score.")]
MaxTokens = Annotated[int | None, Field(ge=100, le=100_000, description="Default: the setting of that name.")]
Project = Annotated[
    str | None, Field(max_length=200, description="A project's name or id; * for all; default: the current one.")
]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]] | None, Field(max_length=50)]
User = Annotated[str, Field(min_length=1, max_length=100, description="Whose; one person need not say.")]
RunDays = Annotated[int, Field(ge=1, le=400, description="How far back; runs are kept for 400 days.")]
