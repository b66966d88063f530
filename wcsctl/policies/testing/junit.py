"""The report of a test run in the format of JUnit."""

import re
from typing import Final
from xml.etree import ElementTree as ET

from wcsctl.policies.testing.running import TestReport

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can have (https://www.w3.org/TR/xml/#charsets)."""


def junit_report(report: TestReport) -> bytes:
    """The report in the format of JUnit, which CI systems read."""
    suite = ET.Element(
        "testsuite",
        name="policies",
        tests=str(len(report.results)),
        failures=str(len(report.failed)),
        time=f"{report.seconds:.3f}",
    )
    for result in report.results:
        test = result.test
        case = ET.SubElement(
            suite, "testcase", classname=_in_xml(str(test.file)), name=_in_xml(test.name)
        )
        if not result.passed:
            failure = ET.SubElement(case, "failure", message=_in_xml(result.differences[0]))
            failure.text = _in_xml("\n".join(result.differences))
    document: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def _in_xml(text: str) -> str:
    return _NOT_IN_XML.sub(lambda found: repr(found[0])[1:-1], text)
