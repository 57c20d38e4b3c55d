"""Reminders in natural language."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field
from session_mgmt_mcp import recall, reminding
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.reminder import Reminder
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.parameters import Project
from session_mgmt_mcp.tools.registry import Inject, tool

User = Annotated[str, Field(min_length=1, max_length=100, description="Whom to remind.")]


class ReminderItem(BaseModel):
    """`due` is none while it waits for a project to be opened; `rule` is of RFC 5545. `told_by`: answer, hook, start or desktop."""

    id: str
    title: str
    description: str
    due: datetime | None
    how: str
    rule: str
    project: str
    user: str
    method: str
    status: str
    deliveries: int
    told_by: str

    @classmethod
    def of(cls, reminder: Reminder, app: Application) -> Self:
        due = reminder.due.astimezone(app.reminders.zone) if reminder.due else None
        return cls(
            id=reminder.id,
            title=reminder.title,
            description=reminder.description,
            due=due,
            how=reminder.how,
            rule=reminder.rule,
            project=reminder.project,
            user=reminder.user,
            method=reminder.method,
            status=reminder.status,
            deliveries=reminder.deliveries,
            told_by=reminder.told_by or "",
        )


class ReminderReply(BaseModel):
    summary: str
    reminder: ReminderItem


class RemindersReply(BaseModel):
    summary: str
    reminders: list[ReminderItem]
    total: int


class ServiceReply(BaseModel):
    """`desktop` names the program that shows notifications; empty: there is none, `note` says why."""

    summary: str
    running: bool
    changed: bool
    desktop: str
    next: datetime | None
    note: str


@tool(hint="remind me reminder later tomorrow schedule notify alarm follow up")
async def create_natural_reminder(
    title: Annotated[str, Field(min_length=1, max_length=300, description="What to remind of, in a few words.")],
    time_expression: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description='For example "tomorrow at 3pm", "in 1 hour and 30 minutes", "every weekday at 9", '
            '"on the last day of each month", "when I open project shop".',
        ),
    ],
    description: Annotated[str, Field(max_length=2_000, description="More, told together with the title.")] = "",
    user_id: User = "default",
    project_id: Project = None,
    notification_method: Annotated[
        Literal["session", "desktop", "both"],
        Field(description="session: told in the next answer or hook of that project; desktop: a notification."),
    ] = "session",
    app: Application = Inject,
) -> ReminderReply:
    """Remind the user of something at a time in plain words, in their time zone, once or again and again.

    Use it when the user asks to be reminded. The reply says which time was understood: tell the user, and cancel it and
    say it differently when that is not what was meant. Not for notes without a time: store_reflection keeps those.
    """
    made = await reminding.create(app, title, time_expression, description, user_id, project_id, notification_method)
    item = ReminderItem.of(made.reminder, app)
    return ReminderReply(summary=f'"{item.title}": {item.how}.{made.note}', reminder=item)


@tool(read_only=True, hint="list reminders scheduled upcoming due")
async def list_user_reminders(
    user_id: User = "default",
    project_id: Project = None,
    include_closed: Annotated[bool, Field(description="Also those told or cancelled in the last 30 days.")] = False,
    app: Application = Inject,
) -> RemindersReply:
    """The user's open reminders of this project (* for all), the next one first, with the ids that cancel them."""
    found = [ReminderItem.of(one, app) for one in await reminding.listed(app, user_id, project_id, include_closed)]
    summary = f"{counted(len(found), 'reminder')}{', the next one first' if len(found) > 1 else ''}."
    return within(RemindersReply(summary=summary, reminders=found, total=len(found)), recall.budget(app), "reminders")


@tool(idempotent=True, hint="cancel delete remove reminder stop reminding")
async def cancel_user_reminder(
    reminder_id: Annotated[str, Field(min_length=1, max_length=100, description="From list_user_reminders.")],
    app: Application = Inject,
) -> ReminderReply:
    """Cancel a reminder, with all its repetitions, when the user asks for it. It is listed as cancelled for 30 days."""
    item = ReminderItem.of(await app.reminders.cancel(reminder_id), app)
    said = "cancelled" if item.status == "cancelled" else f"{item.status} already: nothing to cancel"
    return ReminderReply(summary=f'"{item.title}" is {said}.', reminder=item)


@tool(idempotent=True, hint="start reminder service desktop notifications background")
async def start_reminder_service(app: Application = Inject) -> ServiceReply:
    """Show due reminders as desktop notifications, from now on and over restarts.

    Needed only after stop_reminder_service: the first reminder for the desktop starts it. Sessions are told without it.
    """
    return ServiceReply.model_validate(await reminding.switch(app, True))


@tool(idempotent=True, hint="stop reminder service desktop notifications background")
async def stop_reminder_service(app: Application = Inject) -> ServiceReply:
    """Show no desktop notifications any more, also after restarts. Every due reminder then waits for a session."""
    return ServiceReply.model_validate(await reminding.switch(app, False))
