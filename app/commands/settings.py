"""`settings`: every setting with its value, its default and what it is for."""

from __future__ import annotations

from app.commands.call import DONE, Call
from app.settings import describe


def run_settings(call: Call) -> int:
    described = describe(call.settings)
    if call.arguments.json:
        call.terminal.data({item.variable: item.value for item in described})
        return DONE
    for item in described:
        call.terminal.say(f"{item.variable}={item.value}")
        call.terminal.say("  " + call.locale.sentence(item.key))
        if item.value != item.default:
            call.terminal.say("  " + call.locale.sentence("settings-default", value=item.default or "–"))
    return DONE
