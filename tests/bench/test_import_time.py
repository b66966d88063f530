"""Reading what `-X importtime` prints."""

import subprocess
import sys

from bench.import_time import LIBRARY, START, imports_of, read_import_times, undisturbed

PRINTED = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 | encodings
import time:      2000 |       2000 |       ssl
import time:      1000 |       3000 |     urllib3.connection
import time:       500 |       3500 |   urllib3
import time:       250 |        250 |   json
a line of the function's own
import time:      4000 |       7750 | botocore
import time:        50 |         50 | datetime
"""


def test_given_printed_lines_when_read_then_each_module_knows_who_asked_for_it() -> None:
    importers = {one.module: one.importer for one in read_import_times(PRINTED.splitlines())}

    assert importers == {
        "encodings": "",
        "ssl": "urllib3.connection",
        "urllib3.connection": "urllib3",
        "urllib3": "botocore",
        "json": "botocore",
        "botocore": "",
        "datetime": "",
    }


def test_given_imports_when_summed_up_then_the_librarys_count_for_whoever_asked() -> None:
    found = imports_of(read_import_times(PRINTED.splitlines()), cpu_ms=10.0)

    assert found.by_package == {"botocore": 4.0, LIBRARY: 2.4, "urllib3": 1.5}
    assert found.on_behalf_of == {"botocore": 4.25, "urllib3": 3.5, START: 0.15}
    assert found.total_ms == 7.9
    assert round(found.rest_ms, 3) == 2.1
    assert found.slowest[0].module == "botocore"
    assert found.largest[1].module == "urllib3"


def test_given_runs_that_were_disturbed_when_put_together_then_each_modules_quickest_counts() -> (
    None
):
    slow = PRINTED.replace("1000 |       3000", "9000 |      11000").replace("4000", "4500")

    together = undisturbed([read_import_times(text.splitlines()) for text in (slow, PRINTED)])

    expected = read_import_times(PRINTED.splitlines())
    assert [one.own_ms for one in together] == [one.own_ms for one in expected]
    assert [round(one.total_ms, 3) for one in together] == [one.total_ms for one in expected]


def test_given_runs_that_import_different_modules_when_put_together_then_the_first_ones_count() -> (
    None
):
    other = PRINTED.replace("json", "html")

    together = undisturbed([read_import_times(text.splitlines()) for text in (PRINTED, other)])

    assert [one.module for one in together] == [
        one.module for one in read_import_times(PRINTED.splitlines())
    ]


def test_given_this_python_when_it_tells_its_imports_then_they_are_read() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import json.tool"],
        capture_output=True,
        text=True,
        check=True,
    )

    modules = {one.module: one for one in read_import_times(done.stderr.splitlines())}

    assert modules["json.decoder"].importer == "json"
    assert modules["json"].total_ms >= modules["json.decoder"].total_ms
