"""`doctor`: prints what was found and what is wrong. Exit code 1 when something is."""

from __future__ import annotations

from app.commands.call import DONE, REFUSED, Call
from app.doctor import examine


def run_doctor(call: Call) -> int:
    findings = list(examine(call.settings, verify=call.arguments.verify))
    wrong = [finding for finding in findings if finding.problem and not finding.harmless]
    if call.arguments.json:
        call.terminal.data(
            {
                "findings": [
                    {"what": finding.what.removeprefix("doctor-"), "value": finding.shown(call.locale)}
                    | ({"problem": finding.said(call.locale)} if finding.problem else {})
                    for finding in findings
                ],
                "well": not wrong,
            }
        )
        return REFUSED if wrong else DONE
    call.terminal.rows([(call.locale.sentence(finding.what), finding.shown(call.locale)) for finding in findings])
    for title, harmless in (("doctor-notes", True), ("doctor-wrong", False)):
        said = [f for f in findings if f.problem and f.harmless is harmless]
        if said:
            call.terminal.say()
            call.say(title)
        for finding in said:
            what = call.locale.sentence(finding.what)
            call.terminal.say(f"  {what}: {finding.said(call.locale)}")
    if not wrong:
        call.terminal.say()
        call.say("doctor-well")
    return REFUSED if wrong else DONE
