"""The report of a test run in the format of JUnit."""

from xml.etree import ElementTree as ET

from wcsctl.policies.testing.running import TestReport


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
        case = ET.SubElement(suite, "testcase", classname=str(test.file), name=test.name)
        if not result.passed:
            failure = ET.SubElement(case, "failure", message=result.differences[0])
            failure.text = "\n".join(result.differences)
    document: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
