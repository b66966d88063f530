"""The help of wcsctl as a whole: one page of a terminal, 30 lines of 80 columns."""

from typing import Final

OVERVIEW: Final = """\
Operate a WCS hooks deployment: policies, decisions, outcomes, dead letters.
Usage: wcsctl COMMAND [OPTIONS]    options may be anywhere; COMMAND --help: more
START HERE
  status                   Is all well? What needs attention?
  try METHOD k=v ...       What would be answered, and why; nothing is sent
  send METHOD k=v ...      Send a signed hook, after its connect (--connect k=v)
  explain DECISION         Why a real hook was answered so
  console                  All of this as a page, served on this machine
POLICIES
  policy list|get|new|edit|put|delete          One policy
  policy test|lint|diff|apply|export|schema    Policies as files
  policy history|show|rollback|pin|unpin       Versions
  list get|put|delete|import|export            Rows that policies look up
  token make|sign|check|keys                   Tokens that policies trust
WATCH
  decisions [-f] [--denied]    stats [--watch]    outcomes    scenario run
AT NIGHT
  dead-letter list|show|redrive|purge    ban, unban, bans
  limits list|show|release               secret show|rotate|finish
SET UP
  wcs-setup APP    verify    version    context list|use|delete
OPTIONS
  --context NAME, or --local, or --stack NAME --profile NAME --region NAME
  -o, --output table|json|yaml (--json)    --install-completion    -h, --help
EXAMPLES
  wcsctl try publishStream name=lesson --connect custom.role=pupil
  wcsctl decisions --denied --since 1d --app school -o json
  wcsctl policy apply policies --yes
EXIT CODES
  0 ok   1 not in order   2 usage   3 conflict   4 AWS   5 not found
"""
